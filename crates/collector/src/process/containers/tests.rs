use std::sync::mpsc;

use telemetry::sample::Container;

use super::*;
use crate::socket::Kind;

fn socket() -> Socket {
    Socket { kind: Kind::Engine, path: "/s".into() }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn in_container(pid: u32, id: &str, runtime: Option<&str>) -> ProcessFacts {
    let name = Err(Absence::NotSupported);
    let container = Some(Container { id: id.into(), runtime: runtime.map(str::to_owned), name, rootless: false });
    ProcessFacts { container: container.map(Box::new), ..ProcessFacts::unread(pid, Absence::Error) }
}

fn names(containers: &Containers, processes: &mut [ProcessFacts]) -> Vec<Reading<String>> {
    containers.request(processes);
    containers.settle(far());
    containers.name(processes);
    processes.iter().filter_map(|facts| Some(facts.container.as_ref()?.name.clone())).collect()
}

#[test]
fn container_asked_once() {
    let (asks, asked) = mpsc::channel();
    let containers = Containers::asking(socket(), move |question| {
        asks.send(question.clone()).unwrap();
        match question {
            Question::Name(id) if id == "a" => Ok(Some("trainer".into())),
            Question::Ping | Question::Name(_) => Ok(None),
        }
    });
    let lxc = in_container(7, "t1", Some("lxc"));
    let mut processes = [
        in_container(1, "a", Some("docker")),
        in_container(2, "a", Some("docker")),
        in_container(3, "b", None),
        in_container(4, "c", Some("containerd")),
        in_container(5, "d", Some("cri-o")),
        // Docker in a system container is not this host's.
        ProcessFacts { system_container: lxc.container.clone(), ..in_container(6, "e", Some("docker")) },
        lxc,
        ProcessFacts::unread(8, Absence::Error),
    ];
    let expected = [Ok("trainer".into()), Ok("trainer".into()), Err(Absence::NotSupported)];
    for _ in 0..3 {
        let found = names(&containers, &mut processes);
        assert_eq!((&found[..3], &found[3..]), (&expected[..], &[const { Err(Absence::NotSupported) }; 4][..]));
    }
    let all: Vec<Question> = asked.try_iter().collect();
    assert_eq!(all, [Question::Ping, Question::Name("a".into()), Question::Name("b".into())]);
    assert_eq!(containers.note(), None);
}

#[test]
fn engine_not_asked_without_socket() {
    let containers = Containers::start(None);
    assert_eq!(names(&containers, &mut [in_container(1, "a", None)]), [Err(Absence::NotSupported)]);
    assert_eq!(containers.note(), None);
}

#[test]
fn engine_hung_blocks_nothing() {
    let (_keep, never) = mpsc::channel();
    let containers = Containers::asking(socket(), move |_| never.recv().unwrap());
    let mut processes = [in_container(1, "a", None)];
    containers.request(&processes);
    containers.settle(Instant::now() + Duration::from_millis(1));
    containers.name(&mut processes);
    assert_eq!(processes[0].container.as_ref().unwrap().name, Err(Absence::Timeout));
}

#[test]
fn engine_hung_is_waited_for_once_per_container() {
    let (release, released) = mpsc::channel::<()>();
    let containers = Containers::asking(socket(), move |question| match question {
        Question::Ping => Ok(None),
        Question::Name(_) => {
            let _ = released.recv();
            Ok(Some("trainer".into()))
        }
    });
    let processes = [in_container(1, "a", Some("docker"))];
    containers.request(&processes);
    containers.settle_new(Instant::now() + Duration::from_millis(10));
    // Returns at once, though the name is not known.
    containers.settle_new(far());
    assert_eq!(lock(&containers.0.as_ref().unwrap().state).entries["a"].name, None);
    containers.request(&[processes, [in_container(2, "b", Some("docker"))]].concat());
    drop(release);
    containers.settle_new(far());
    assert!(lock(&containers.0.as_ref().unwrap().state).entries["b"].name.is_some(), "a new one is waited for");
}

#[test]
fn engine_away_is_only_pinged() {
    let containers = Containers::asking(socket(), |question| match question {
        Question::Ping => Err(Fault::denied("no")),
        Question::Name(_) => panic!("{question:?}"),
    });
    // A container that is there later has the reason at the next try; until then it was not asked for.
    let found = names(&containers, &mut [in_container(1, "a", None)]);
    assert!(found == [Err(Absence::Denied)] || found == [Err(Absence::Timeout)], "{found:?}");
    assert_eq!(containers.note().as_deref(), Some("no"));
}

fn state() -> State {
    State { entries: BTreeMap::new(), ping: None, health: Health::default() }
}

fn ask(state: &mut State, question: &Question, outcome: Result<Option<String>, Fault>, now: Instant) {
    state.add(&socket(), question, outcome, now);
}

#[test]
fn container_failures_back_off_independently() {
    let (mut state, begun) = (state(), Instant::now());
    let hung = Question::Name("hung".into());
    assert!(state.request(&BTreeSet::from(["hung", "fine"]), begun));
    let mut now = begun;
    let mut waits = Vec::new();
    for _ in 0..7 {
        ask(&mut state, &hung, Err(Fault::late(SOONEST)), now);
        assert_eq!(state.first(), Some((Question::Ping, now)), "is it the engine?");
        ask(&mut state, &Question::Ping, Ok(None), now);
        assert_eq!((state.name("hung"), state.health.note()), (Err(Absence::Timeout), None));
        let (next, _) = state.first().unwrap();
        if next == Question::Name("fine".into()) {
            ask(&mut state, &next, Ok(Some("fine".into())), now);
        }
        let (next, at) = state.first().unwrap();
        assert_eq!(next, hung);
        waits.push((at - now).as_secs());
        now = at;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(state.name("fine"), Ok("fine".into()));
    ask(&mut state, &hung, Ok(Some("back".into())), now);
    assert_eq!(state.name("hung"), Ok("back".into()));
}

#[test]
fn container_name_outlives_engine_and_is_refreshed() {
    let (mut state, now) = (state(), Instant::now());
    let named = Question::Name("a".into());
    state.request(&BTreeSet::from(["a"]), now);
    ask(&mut state, &named, Ok(Some("before".into())), now);
    assert_eq!(state.first(), Some((named.clone(), now + KEEPS)));
    ask(&mut state, &named, Err(Fault::error("gone")), now + KEEPS);
    ask(&mut state, &Question::Ping, Err(Fault::error("gone")), now + KEEPS);
    assert_eq!((state.name("a"), state.health.note().as_deref()), (Ok("before".into()), Some("gone")));
    assert_eq!(state.first(), Some((Question::Ping, now + KEEPS + SOONEST)));
    ask(&mut state, &Question::Ping, Ok(None), now + KEEPS + SOONEST);
    assert_eq!((state.health.note(), state.first().map(|(next, _)| next)), (None, Some(named.clone())));
    ask(&mut state, &named, Ok(Some("after".into())), now + KEEPS + SOONEST);
    assert_eq!(state.name("a"), Ok("after".into()));
}

#[test]
fn container_cache_is_pruned_and_bounded() {
    let (mut state, now) = (state(), Instant::now());
    assert!(state.request(&BTreeSet::from(["a", "b"]), now));
    assert!(!state.request(&BTreeSet::from(["b"]), now));
    ask(&mut state, &Question::Name("a".into()), Ok(Some("late".into())), now);
    assert_eq!(state.entries.keys().collect::<Vec<_>>(), ["b"]);
    let many: Vec<String> = (0..2 * MOST).map(|id| id.to_string()).collect();
    state.request(&many.iter().map(String::as_str).collect(), now);
    assert_eq!(state.entries.len(), MOST);
}
