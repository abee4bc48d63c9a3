//! Many users who want one GPU.

use std::process::Command;

use super::{TWO, agent, claimed, socket};
use crate::support::Driver;

/// Each round has clients with 200 user IDs, in four processes: all connect, then all ask, then all read. Then root ends the claim.
const MANY: &str = r#"
import json, os, socket, sys
path, rounds, workers, each = sys.argv[1], int(sys.argv[2]), 4, 50
def ask(request):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.sendall(json.dumps({'version': 1, **request}).encode() + b'\n')
    return json.loads(client.makefile().readline())
def work(worker):
    clients = []
    for number in range(each):
        os.seteuid(10_000 + worker * each + number)
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        clients.append(client)
        os.seteuid(0)
    for client in clients:
        client.sendall(b'{"version":1,"do":"claim","devices":["0"],"for_ms":60000}\n')
    answers = [json.loads(client.makefile().readline())['status'] for client in clients]
    return answers
for number in range(rounds):
    pipes = []
    for worker in range(workers):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, json.dumps(work(worker)).encode())
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    answers = []
    for reader in pipes:
        with os.fdopen(reader) as pipe:
            answers += json.load(pipe)
    for _ in pipes:
        os.wait()
    found = answers.count('done'), answers.count('refused'), len(ask({'do': 'list'})['claims'])
    assert found == (1, workers * each - 1, 1), (number, found)
    ended = ask({'do': 'unclaim', 'devices': ['0']})
    assert ended['status'] == 'done', ended
print('passed')
"#;

#[test]
fn one_of_200_claims_succeeds_each_time() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let socket = socket(&driver);
    let output = Command::new("python3").args(["-c", MANY]).arg(&socket).arg("100").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "passed\n", "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(claimed(&socket), [""; 0]);
}
