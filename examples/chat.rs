//! A chat server with rooms, for `nc` and telnet.
//!
//! ```text
//! cargo run --release --example chat [ADDR]        (default: 127.0.0.1:7100)
//! nc 127.0.0.1 7100
//! ```
//!
//! The first line is a name. Every other line goes to all who are in the same room, except:
//! `/join ROOM`, `/who`, `/quit`. Ctrl-C ends the server.
//!
//! How it works: one task, the [`House`], knows all rooms and all guests. The task of a connection
//! reads lines and sends them to the house as [`Event`]s. The house puts what a guest is to see
//! into that guest's outbox, which a third kind of task writes to the socket. The house never waits
//! for an outbox: a guest who reads too slowly misses lines and is told how many.

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use examples::{Arguments, fail};
use runtime::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use runtime::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use runtime::net::{TcpListener, TcpStream};
use runtime::signal::ctrl_c;
use runtime::sync::{mpsc, oneshot};
use runtime::time::{sleep, timeout};

/// Lines that wait for a slow reader before it misses some.
const OUTBOX: usize = 256;

/// Bytes of a line; whoever sends more without an end is sent away.
const LONGEST_LINE: u64 = 1_024;

/// How long a guest who left may take to read the rest.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where everybody begins.
const LOBBY: &str = "lobby";

type Line = Arc<str>;

#[runtime::main]
async fn main() {
    let mut arguments = Arguments::of_process("chat [ADDR]");
    let address = arguments.address_or("127.0.0.1:7100");
    arguments.end();

    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => fail("chat", format_args!("cannot listen on {address}: {error}")),
    };
    match listener.local_addr() {
        Ok(address) => println!("chat: listening on {address}"),
        Err(error) => fail("chat", error),
    }

    // A bounded channel: guests who type faster than the house sorts have to wait.
    let (house, events) = mpsc::channel(256);
    runtime::spawn(House::default().run(events));
    // One future for the whole loop, so that no Ctrl-C falls between two turns.
    let mut interrupted = pin!(ctrl_c());
    loop {
        let accepted = runtime::select! {
            accepted = listener.accept() => accepted,
            result = &mut interrupted => match result {
                Ok(()) => break,
                Err(error) => fail("chat", format_args!("cannot wait for Ctrl-C: {error}")),
            },
        };
        match accepted {
            Ok((stream, peer)) => {
                let house = house.clone();
                runtime::spawn(async move {
                    if let Err(error) = receive(stream, house).await {
                        eprintln!("chat: {peer}: {error}");
                    }
                });
            }
            Err(error) => {
                // Most often the process is out of descriptors. Accepting again at once would fail
                // again at once; soon a connection will have ended.
                eprintln!("chat: cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // No more are accepted. The guests are sent away as the runtime ends.
    println!("chat: ending");
}

/// What a connection tells the house.
enum Event {
    /// Somebody wants in. The answer is the guest's number, or nothing if the name is taken.
    Enter {
        name: String,
        outbox: mpsc::Sender<Line>,
        answer: oneshot::Sender<Option<u64>>,
    },
    Say(u64, String),
    Join(u64, String),
    Who(u64),
    Leave(u64),
}

/// Serves one guest, from the name to the end of the connection.
async fn receive(stream: TcpStream, house: mpsc::Sender<Event>) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut lines = Lines {
        reader: BufReader::new(reader),
    };
    let (outbox, letters) = mpsc::channel(OUTBOX);
    let writing = runtime::spawn(write(writer, letters));

    let result = converse(&mut lines, outbox, &house).await;

    // The house has dropped the guest's outbox, so the writing task ends when all is written, or is
    // cut off if the guest does not read.
    let abort = writing.abort_handle();
    if timeout(FAREWELL, writing).await.is_err() {
        abort.abort();
    }
    result
}

/// The dialogue with a guest. On return the house has no outbox of the guest any more, or will
/// drop it soon.
async fn converse(
    lines: &mut Lines,
    outbox: mpsc::Sender<Line>,
    house: &mpsc::Sender<Event>,
) -> io::Result<()> {
    let number = loop {
        tell(&outbox, "* your name?").await;
        let Some(name) = lines.next().await? else {
            return Ok(());
        };
        if !is_name(&name) {
            tell(
                &outbox,
                "* a name is one word of at most 32 bytes, without / in front",
            )
            .await;
            continue;
        }
        let (answer, answered) = oneshot::channel();
        let event = Event::Enter {
            name,
            outbox: outbox.clone(),
            answer,
        };
        if house.send(event).await.is_err() {
            return Ok(());
        }
        match answered.await {
            Ok(Some(number)) => break number,
            Ok(None) => tell(&outbox, "* that name is taken").await,
            Err(_) => return Ok(()),
        }
    };
    let result = listen(lines, number, &outbox, house).await;
    // Also after an error: the guest has left in any case.
    let _ = house.send(Event::Leave(number)).await;
    result
}

fn is_name(text: &str) -> bool {
    let one_word = !text.is_empty() && !text.contains(char::is_whitespace);
    one_word && text.len() <= 32 && !text.starts_with('/')
}

/// Turns the lines of a guest who has a name into events.
async fn listen(
    lines: &mut Lines,
    number: u64,
    outbox: &mpsc::Sender<Line>,
    house: &mpsc::Sender<Event>,
) -> io::Result<()> {
    while let Some(line) = lines.next().await? {
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let event = match command {
            "" => continue,
            "/quit" => break,
            "/who" => Event::Who(number),
            "/join" if rest.trim().is_empty() => {
                tell(outbox, "* /join needs the name of a room").await;
                continue;
            }
            "/join" => Event::Join(number, rest.trim().to_owned()),
            _ if command.starts_with('/') => {
                tell(outbox, "* commands are: /join ROOM, /who, /quit").await;
                continue;
            }
            _ => Event::Say(number, line),
        };
        if house.send(event).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Says something to one guest, from the guest's own task, which may wait.
async fn tell(outbox: &mpsc::Sender<Line>, text: &str) {
    // The writing task is gone if the socket broke; reading will say so.
    let _ = outbox.send(text.into()).await;
}

/// The lines that a guest sends.
struct Lines {
    reader: BufReader<OwnedReadHalf>,
}

impl Lines {
    /// The next line without its end, or `None` when the guest is done.
    async fn next(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(LONGEST_LINE);
        limited.read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the line is too long",
            ));
        }
        // Whatever is no text, or would move the cursor of somebody else's terminal, is left out.
        let text = String::from_utf8_lossy(&line);
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        Ok(Some(text.trim().to_owned()))
    }
}

/// Writes what is in the outbox to the socket, until nobody can put anything in any more.
async fn write(mut writer: OwnedWriteHalf, mut letters: mpsc::Receiver<Line>) -> io::Result<()> {
    while let Some(line) = letters.recv().await {
        writer.write_all(format!("{line}\n").as_bytes()).await?;
    }
    writer.shutdown().await
}

/// All guests, and which room each is in.
#[derive(Default)]
struct House {
    guests: HashMap<u64, Guest>,
    numbers: u64,
}

struct Guest {
    name: String,
    room: String,
    outbox: mpsc::Sender<Line>,
    /// Lines that found the outbox full.
    missed: usize,
}

impl House {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Enter {
                    name,
                    outbox,
                    answer,
                } => {
                    let number = self.enter(name, outbox);
                    // The guest may have left already. Then the connection's own `Leave` never
                    // comes, because it never learnt the number.
                    if let Err(Some(number)) = answer.send(number) {
                        self.leave(number);
                    }
                }
                Event::Say(number, text) => {
                    if let Some(guest) = self.guests.get(&number) {
                        let (room, line) = (guest.room.clone(), format!("{}: {text}", guest.name));
                        self.announce(&room, &line);
                    }
                }
                Event::Join(number, room) => self.join(number, room),
                Event::Who(number) => self.who(number),
                Event::Leave(number) => self.leave(number),
            }
        }
    }

    fn enter(&mut self, name: String, outbox: mpsc::Sender<Line>) -> Option<u64> {
        if self.guests.values().any(|guest| guest.name == name) {
            return None;
        }
        self.announce(LOBBY, &format!("* {name} is here"));
        self.numbers += 1;
        let mut guest = Guest {
            name,
            room: LOBBY.to_owned(),
            outbox,
            missed: 0,
        };
        guest.give(
            format!(
                "* welcome to the {LOBBY}, {}; /join ROOM, /who, /quit",
                guest.name
            )
            .into(),
        );
        self.guests.insert(self.numbers, guest);
        Some(self.numbers)
    }

    fn join(&mut self, number: u64, room: String) {
        let Some(guest) = self.guests.get_mut(&number) else {
            return;
        };
        let name = guest.name.clone();
        let left = std::mem::replace(&mut guest.room, room.clone());
        self.announce(&left, &format!("* {name} went to {room}"));
        self.announce(&room, &format!("* {name} came to {room}"));
    }

    fn who(&mut self, number: u64) {
        let Some(guest) = self.guests.get(&number) else {
            return;
        };
        let room = guest.room.clone();
        let here = self.guests.values().filter(|guest| guest.room == room);
        let mut names: Vec<_> = here.map(|guest| guest.name.as_str()).collect();
        names.sort_unstable();
        let line = format!("* in {room}: {}", names.join(" "));
        if let Some(guest) = self.guests.get_mut(&number) {
            guest.give(line.into());
        }
    }

    fn leave(&mut self, number: u64) {
        if let Some(guest) = self.guests.remove(&number) {
            self.announce(&guest.room, &format!("* {} left", guest.name));
        }
    }

    /// Gives a line to everybody in a room.
    fn announce(&mut self, room: &str, line: &str) {
        let line: Line = line.into();
        for guest in self.guests.values_mut() {
            if guest.room == room {
                guest.give(line.clone());
            }
        }
    }
}

impl Guest {
    /// Puts a line into the outbox, or counts it as missed: one slow reader must not hold up all.
    fn give(&mut self, line: Line) {
        if self.missed > 0 {
            let note = format!("* you missed {} lines", self.missed);
            if self.outbox.try_send(note.into()).is_err() {
                self.missed += 1;
                return;
            }
            self.missed = 0;
        }
        if self.outbox.try_send(line).is_err() {
            self.missed += 1;
        }
    }
}
