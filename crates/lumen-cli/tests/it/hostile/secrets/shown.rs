//! Secrets in messages: of URLs, also misspelt ones, and of variables.

use lumen_testkit::{
    sandbox::Ran,
    server::{Server, answer},
};

use crate::bare;

const SECRET: &str = "hunter2";

fn hidden(ran: &Ran) {
    assert!(!format!("{ran:?}").contains(SECRET), "{ran:#?}");
}

#[test]
fn no_message_shows_the_password_of_a_url() {
    let sandbox = bare();
    for start in [
        "http:/me:hunter2@127.0.0.1/x",
        "https:me:hunter2@127.0.0.1/x",
        "//me:hunter2@127.0.0.1/x",
        "me:hunter2@127.0.0.1/x",
        "me:hunter2@127.0.0.1",
        "htps://me:hunter2@127.0.0.1/x",
        "git+https:/me:hunter2@127.0.0.1/x",
        "s3://b/x?endpoint=http://me:hunter2@127.0.0.1",
    ] {
        for arguments in [
            &["pkg", "info", "text", "--registry", start][..],
            &["registry", "check", start],
            &["registry", "init", start],
            &["registry", "mirror", start, "mirror"],
            &["trust", "forget", start],
        ] {
            let ran = sandbox.run(".", arguments).unwrap();
            assert_ne!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
            hidden(&ran);
        }
        let mut command = sandbox.command(".", &["pkg", "info", "text"]);
        let output = command.env("LUMEN_REGISTRY", start).output().unwrap();
        hidden(&Ran::of(&output));
    }
    for more in [&[][..], &["--json"]] {
        let url = "http://me:hunter2@127.0.0.1:1/r";
        let forget = [&["trust", "forget", url], more].concat();
        let ran = sandbox.ok(".", &forget).unwrap();
        hidden(&ran);
        let shown = format!("{}{}", ran.out, ran.err);
        assert!(shown.contains("http://127.0.0.1:1/r"), "{ran:#?}");
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_named_by_its_variable() {
    let sandbox = bare();
    let server = Server::start(|_| answer("404 Not Found", &[], b""));
    for token in ["hunter2\n", "hunter2\r", "\thunter2", "hunter2\u{7f}"] {
        let mut command = sandbox.command(".", &["pkg", "info", "text"]);
        command.env("LUMEN_REGISTRY", server.url());
        command.env("LUMEN_REGISTRIES_DEFAULT_TOKEN", token);
        let ran = Ran::of(&command.output().unwrap());
        let said = "the token of `LUMEN_REGISTRIES_DEFAULT_TOKEN` has a line break or another";
        assert!(ran.err.contains(said), "{ran:#?}");
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        hidden(&ran);
    }
    assert!(server.take().is_empty());
}
