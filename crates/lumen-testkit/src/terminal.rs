//! A command in a terminal of its own, with scripted answers.

use std::{io, process::Command};

use crate::sandbox::Ran;

/// A text to wait for and the answer to type then; all of it within half a minute.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The text that the command has to show.
    pub to: &'a str,
    /// The answer, without the end of the line.
    pub typed: &'a str,
    /// Whether the terminal must hide the answer; typed once it does.
    pub hidden: bool,
}

/// Starts a command as the leader of a new terminal, types, and prints what the terminal showed.
const SCRIPT: &str = r#"
import json, os, pty, select, sys, termios, time

replies, command = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown, at, end = b"", 0, time.monotonic() + 30

def read():
    global shown
    if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
        sys.exit("nothing came: " + repr(shown))
    try:
        more = os.read(terminal, 65536)
    except OSError:
        return False
    shown += more
    return bool(more)

for to, typed, hidden in replies:
    while to.encode() not in shown[at:]:
        if not read():
            sys.exit("it ended before " + repr(to) + ": " + repr(shown))
    at = shown.index(to.encode(), at) + len(to.encode())
    while hidden and termios.tcgetattr(terminal)[3] & termios.ECHO:
        if time.monotonic() > end:
            sys.exit("what is typed would be shown")
        time.sleep(0.005)
    os.write(terminal, typed.encode() + b"\n")
while read():
    pass
status = os.waitpid(child, 0)[1]
sys.stdout.buffer.write(shown)
sys.stdout.flush()
os._exit(os.waitstatus_to_exitcode(status) % 256)
"#;

/// Whether Python is available.
pub fn is_available() -> bool {
    let check = Command::new("python3").args(["-c", "import pty"]).output();
    check.is_ok_and(|output| output.status.success())
}

/// Runs a command in a terminal and answers. What the terminal showed is in `out`; `err` is
/// about this, not the command.
///
/// # Errors
/// When Python cannot be started.
pub fn converse(command: &Command, replies: &[Reply<'_>]) -> io::Result<Ran> {
    let replies: Vec<_> = replies
        .iter()
        .map(|reply| serde_json::json!([reply.to, reply.typed, reply.hidden]))
        .collect();
    let mut python = Command::new("python3");
    python
        .args(["-c", SCRIPT, &serde_json::Value::from(replies).to_string()])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            python.env(name, value);
        }
    }
    if let Some(dir) = command.get_current_dir() {
        python.current_dir(dir);
    }
    Ok(Ran::of(&python.output()?))
}
