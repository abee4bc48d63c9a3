//! TLS as clients see it: which versions and ciphers, which certificate, and that of a client.

use std::{
    fs,
    io::{BufReader, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use crate::support::{Agent, Authority, Client, Driver, Pair, Start, answer, eventually, openssl, raw, replace};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\n";

fn over_tls(driver: &Driver, pair: &Pair) -> Start {
    let [certificate, key] = [&pair.certificate, &pair.key].map(|path| path.to_str().unwrap());
    Start::on(driver).variable("NVSMI_TLS_CERT", certificate).argument("--tls-key").argument(key)
}

fn s_client(address: SocketAddr, arguments: &[&str]) -> (bool, String) {
    let address = address.to_string();
    let output = openssl(&[&["s_client", "-connect", &address][..], arguments].concat(), "");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Rest of a line that begins with a word.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(word)).map(str::trim)
}

#[test]
fn paths_answered_over_tls() {
    let (driver, authority) = (Driver::new(ONE_GPU), Authority::new());
    let agent = over_tls(&driver, &authority.pair("host", "ec")).serve();
    let client = authority.client(None);
    eventually("the agent to be ready", || {
        (client.get(agent.address(), "/readyz").unwrap().status == 200).then_some(())
    });
    let status = client.get(agent.address(), "/status").unwrap();
    assert_eq!((status.status, status.json()["data"]["count"].as_u64()), (200, Some(1)));
    let snapshot = client.request(agent.address(), "/api/v1/snapshot", "").unwrap();
    assert_eq!(snapshot.json()["gpus"][0]["name"], "NVIDIA H200");
    let mut stream = client.connect(agent.address()).unwrap();
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]), "of h2 and http/1.1");
    agent.logged("url=\"https://127.0.0.1:");
}

#[test]
fn plain_http_is_told_to_use_https() {
    let (driver, authority) = (Driver::new(ONE_GPU), Authority::new());
    let agent = over_tls(&driver, &authority.pair("host", "ec")).serve();
    for request in ["GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: x\r\n\r\n", "nonsense\r\n\r\n"] {
        let answer = raw(agent.address(), request.as_bytes()).unwrap();
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("begin the address with https://"), "{}", answer.text());
    }
}

/// Ciphers without a known weakness: every one has forward secrecy and authenticated encryption.
const CIPHERS_1_2: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
];
const CIPHERS_1_3: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// TLS 1.2 ciphers that an agent accepts out of a list: each handshake offers what is left and drops the cipher that
/// was chosen, until the agent refuses the rest.
fn accepted_ciphers(agent: &Agent, offered: &str) -> Vec<String> {
    let mut left: Vec<&str> = offered.split(':').collect();
    let mut accepted = Vec::new();
    loop {
        let (fine, text) =
            s_client(agent.address(), &["-tls1_2", "-cipher", &format!("{}@SECLEVEL=0", left.join(":"))]);
        if !fine {
            assert!(text.contains("alert handshake failure"), "{text}");
            return accepted;
        }
        let chosen = after(&text, "New, TLSv1.2, Cipher is ").unwrap_or_else(|| panic!("no cipher: {text}"));
        left.retain(|cipher| *cipher != chosen);
        accepted.push(chosen.to_owned());
    }
}

#[test]
fn tls_versions_and_ciphers_are_safe() {
    let (driver, authority) = (Driver::new(ONE_GPU), Authority::new());
    let [ec, rsa] = [("ec-host", "ec"), ("rsa-host", "rsa:2048")]
        .map(|(name, kind)| over_tls(&driver, &authority.pair(name, kind)).serve());
    for version in ["-tls1", "-tls1_1"] {
        // The client's own reserve is lifted, so that it is the agent that refuses.
        let (fine, text) = s_client(ec.address(), &[version, "-cipher", "ALL:COMPLEMENTOFALL@SECLEVEL=0"]);
        assert!(!fine && text.contains("alert") && text.contains("Cipher is (NONE)"), "{version}: {text}");
    }
    let all = openssl(&["ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL@SECLEVEL=0"], "");
    let all = String::from_utf8(all.stdout).unwrap();
    let mut spoken: Vec<String> = [&ec, &rsa].iter().flat_map(|agent| accepted_ciphers(agent, all.trim())).collect();
    spoken.sort_unstable();
    spoken.dedup();
    assert_eq!(spoken, CIPHERS_1_2);
    for cipher in CIPHERS_1_3 {
        let (fine, text) = s_client(ec.address(), &["-tls1_3", "-ciphersuites", cipher]);
        assert!(fine && text.contains("TLSv1.3"), "{cipher}: {text}");
    }
    for weak in ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"] {
        assert!(!s_client(ec.address(), &["-tls1_3", "-ciphersuites", weak]).0, "{weak}");
    }
}

#[test]
fn tls_scanner_finds_no_weakness() {
    let (driver, authority) = (Driver::new(ONE_GPU), Authority::new());
    let agent = over_tls(&driver, &authority.pair("host", "rsa:2048")).serve();
    let ca = authority.certificate();
    let trusted = ["-CAfile", ca.to_str().unwrap(), "-verify_return_error", "-verify_hostname", "localhost"];
    let (fine, text) = s_client(agent.address(), &[&trusted[..], &["-tls1_2"]].concat());
    assert!(fine && text.contains("Verify return code: 0 (ok)"), "{text}");
    assert!(text.contains("Secure Renegotiation IS supported"), "{text}");
    assert_eq!(after(&text, "Compression:"), Some("NONE"));
    assert!(after(&text, "Server Temp Key:").unwrap().contains("X25519"), "{text}");
    assert!(text.contains("Extended master secret: yes"), "{text}");
    // With the last the client starts with an unsupported group, and is asked to retry.
    for group in ["X25519", "P-256", "P-384", "P-521:X25519"] {
        assert!(s_client(agent.address(), &["-groups", group]).0, "{group}");
    }
    for (what, arguments) in [
        ("finite fields", &["-tls1_3", "-groups", "ffdhe2048"][..]),
        ("an old curve", &["-tls1_2", "-groups", "P-224", "-cipher", "DEFAULT@SECLEVEL=0"]),
        ("SHA-1", &["-tls1_2", "-sigalgs", "RSA+SHA1", "-cipher", "DEFAULT@SECLEVEL=0"]),
        ("HTTP/2", &["-alpn", "h2"]),
    ] {
        let (fine, text) = s_client(agent.address(), arguments);
        assert!(!fine, "{what}: {text}");
    }
    let (_, text) = s_client(agent.address(), &["-alpn", "h2,http/1.1"]);
    assert!(text.contains("ALPN protocol: http/1.1"), "{text}");
    // Renegotiation by the client is refused.
    let arguments = ["s_client", "-connect", &agent.address().to_string(), "-tls1_2", "-legacy_renegotiation"];
    let output = openssl(&arguments, "R\n");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("RENEGOTIATING") && text.contains("no renegotiation"), "{text}");
    // No early data, which could be sent again by somebody else.
    let (_, text) = s_client(agent.address(), &["-tls1_3"]);
    assert!(!text.contains("Max Early Data: 1"), "{text}");
}

/// The name in the certificate that is shown now.
fn shown(agent: &Agent) -> String {
    let (_, text) = s_client(agent.address(), &[]);
    text.lines().find_map(|line| line.strip_prefix("subject=")).unwrap_or_default().replace(' ', "")
}

#[test]
fn certificate_reloaded_unless_invalid() {
    let (driver, authority) = (Driver::new(ONE_GPU), Authority::new());
    let (first, second, third) =
        (authority.pair("first", "ec"), authority.pair("second", "ec"), authority.pair("third", "ec"));
    let used =
        Pair { certificate: first.certificate.with_file_name("used.pem"), key: first.key.with_file_name("used.key") };
    let put = |pair: &Pair| {
        replace(&used.certificate, &pair.certificate);
        replace(&used.key, &pair.key);
    };
    put(&first);
    fs::set_permissions(&used.key, fs::Permissions::from_mode(0o644)).unwrap();
    let agent = over_tls(&driver, &used).serve();
    agent.logged("every account of this host can read the private key");
    let client = authority.client(None);
    let mut open = client.connect(agent.address()).unwrap();
    while open.conn.is_handshaking() {
        open.conn.complete_io(&mut open.sock).unwrap();
    }
    assert_eq!(shown(&agent), "CN=first");
    put(&second);
    eventually("the second certificate", || (shown(&agent) == "CN=second").then_some(()));
    open.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(answer(&mut BufReader::new(open), true).unwrap().status, 200, "what was open stays open");
    let logged = |what: &str| eventually(what, || agent.log().contains(what).then_some(()));
    for (file, by, what) in [
        (&used.key, &first.key, "it is the key of another certificate"),
        (&used.certificate, &first.key, "expected a certificate"),
    ] {
        replace(file, by);
        logged(what);
        assert_eq!(shown(&agent), "CN=second", "{what}");
    }
    fs::remove_file(&used.key).unwrap();
    logged("cannot read --tls-key");
    assert_eq!(shown(&agent), "CN=second");
    put(&third);
    eventually("the third certificate", || (shown(&agent) == "CN=third").then_some(()));
    assert!(!agent.log().contains("PRIVATE KEY"), "{}", agent.log());
}

#[test]
fn client_certificate_of_authority_required() {
    let (driver, authority, other) = (Driver::new(ONE_GPU), Authority::new(), Authority::new());
    let clients = authority.certificate();
    let start = over_tls(&driver, &authority.pair("host", "ec"));
    let agent = start.argument("--tls-client-ca").argument(clients.to_str().unwrap()).serve();
    let known: Client = authority.client(Some(&authority.pair("client", "ec")));
    assert_eq!(known.get(agent.address(), "/healthz").unwrap().status, 200);
    for (who, client) in [
        ("nobody", authority.client(None)),
        ("another authority's", authority.client(Some(&other.pair("client", "ec")))),
    ] {
        assert!(client.get(agent.address(), "/healthz").is_err(), "{who}");
    }
    assert_eq!(known.get(agent.address(), "/healthz").unwrap().status, 200);
    assert!(!agent.log().contains("open to public access"), "{}", agent.log());
}

fn refused(start: Start, parts: &[&str]) {
    let (status, _, error) = start.finish();
    assert_eq!((status.code(), error.trim_end().lines().count()), (Some(2), 1), "{error}");
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

#[test]
fn certificate_unusable_rejected_at_start_with_remedy() {
    let authority = Authority::new();
    let (one, other) = (authority.pair("one", "ec"), authority.pair("other", "ec"));
    let bare = |certificate: &Path, key: &Path| {
        let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap());
        Start::bare().argument("--tls-cert").argument(certificate).argument("--tls-key").argument(key)
    };
    let file = |path: &Path| path.display().to_string();
    refused(Start::bare().argument("--tls-cert=/x.pem"), &["--tls-cert requires --tls-key"]);
    refused(Start::bare().variable("NVSMI_TLS_KEY", "/x.key"), &["--tls-key requires --tls-cert"]);
    refused(Start::bare().argument("--tls-client-ca=/x.pem"), &["--tls-client-ca requires --tls-cert"]);
    refused(bare(Path::new("/no/such.pem"), &one.key), &["cannot read --tls-cert /no/such.pem"]);
    refused(bare(&one.certificate, &other.key), &["--tls-key", &file(&other.key), "key of another certificate"]);
    refused(bare(&one.key, &one.key), &["--tls-cert", &file(&one.key), "BEGIN CERTIFICATE"]);
    refused(bare(&one.certificate, &one.certificate), &["--tls-key", "BEGIN PRIVATE KEY"]);
    let locked = one.key.with_file_name("locked.key");
    let [from, to] = [&one.key, &locked].map(|path| path.to_str().unwrap());
    assert!(openssl(&["pkey", "-in", from, "-out", to, "-aes256", "-passout", "pass:x"], "").status.success());
    refused(bare(&one.certificate, &locked), &["is encrypted", "openssl pkey -in"]);
    let empty = one.key.with_file_name("empty.pem");
    fs::write(&empty, "").unwrap();
    let start = bare(&one.certificate, &one.key).argument("--tls-client-ca").argument(empty.to_str().unwrap());
    refused(start, &["--tls-client-ca", &file(&empty), "expected a certificate"]);
}
