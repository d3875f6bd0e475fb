//! What is awaited in a spawned task must be `Send` there, with arguments that are borrowed from the
//! task itself: more than the futures being `Send` one by one, as the compiler sees it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, Interest, SeekFrom,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use tokio::process::Command;
use tokio::sync::{Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinSet, coop};
use tokio::{fs, io, time};

/// Not run: it is enough that it compiles.
#[allow(dead_code)]
fn tasks() {
    tokio::spawn(async {
        let name = String::from("localhost:1");
        let host = String::from("localhost");
        let many: Vec<SocketAddr> = vec![(Ipv4Addr::LOCALHOST, 1).into()];
        let mut stream = TcpStream::connect(&name).await?;
        TcpStream::connect((host.as_str(), 1)).await?;
        TcpStream::connect(&many[..]).await?;
        TcpListener::bind(&many[..]).await?;
        let listener = TcpListener::bind((&*host, 0)).await?;
        let (accepted, _) = listener.accept().await?;
        let (read, mut write) = accepted.into_split();
        io::copy(&mut BufReader::new(read), &mut write).await?;
        for address in tokio::net::lookup_host(&name).await? {
            TcpSocket::new_v4()?.connect(address).await?;
        }
        let udp = UdpSocket::bind(&many[..]).await?;
        udp.connect(&name).await?;
        udp.connect((host.as_str(), 2)).await?;
        udp.send_to(host.as_bytes(), &name).await?;
        let mut buffer = vec![0; 8];
        udp.recv_from(&mut buffer).await?;
        udp.async_io(Interest::READABLE, || udp.try_recv(&mut []))
            .await?;
        let (mut reader, mut writer) = stream.split();
        tokio::try_join!(reader.read_exact(&mut buffer), async {
            writer.write_all(host.as_bytes()).await.map(|()| 0)
        },)?;
        io::copy_bidirectional(&mut stream, &mut TcpStream::connect(&*name).await?).await?;
        let path = PathBuf::from("/nowhere");
        UnixStream::connect(&path).await?;
        let datagram = UnixDatagram::bind(&path)?;
        datagram.send_to(host.as_bytes(), &path).await?;
        datagram.recv_from(&mut buffer).await?;
        io::Result::Ok(())
    });
    tokio::spawn(async {
        let path = PathBuf::from("/nowhere");
        let text = fs::read_to_string(&path).await?;
        fs::write(path.join(&text), &text).await?;
        let mut file = fs::OpenOptions::new().read(true).open(&path).await?;
        file.seek(SeekFrom::Start(1)).await?;
        let mut line = String::new();
        BufReader::new(&mut file).read_line(&mut line).await?;
        let mut lines = BufReader::new(file).lines();
        while let Some(line) = lines.next_line().await? {
            fs::create_dir_all(path.join(&line)).await?;
        }
        let mut entries = fs::read_dir(&path).await?;
        while let Some(entry) = entries.next_entry().await? {
            fs::copy(entry.path(), &path).await?;
        }
        let mut child = Command::new("true").arg(&text).spawn()?;
        child.wait().await?;
        Command::new("true").output().await?;
        io::stdout().write_all(text.as_bytes()).await?;
        io::Result::Ok(())
    });
    tokio::spawn(async {
        let shared = Arc::new(Mutex::new(String::new()));
        let lock = RwLock::new(String::new());
        let semaphore = Semaphore::new(1);
        let notify = Notify::new();
        let cell = OnceCell::new();
        let (sender, mut receiver) = mpsc::channel::<String>(1);
        let (changes, mut seen) = watch::channel(0);
        let (one, other) = oneshot::channel::<String>();
        let mut guard = shared.lock().await;
        guard.push_str(&lock.read().await);
        let mut write = lock.write().await;
        write.push_str(cell.get_or_init(async || guard.clone()).await);
        let _permit = semaphore.acquire().await;
        let permit = sender.reserve().await.unwrap();
        let mut all = Vec::new();
        tokio::select! {
            () = notify.notified() => {}
            value = receiver.recv() => write.extend(value),
            changed = seen.changed() => changed.unwrap(),
            value = other => write.extend(value),
            () = changes.closed() => {}
            result = time::timeout(Duration::from_secs(1), sender.send(guard.clone())) => drop(result),
        }
        permit.send(write.clone());
        receiver.recv_many(&mut all, 3).await;
        seen.wait_for(|value| *value > 1).await.unwrap();
        one.send(guard.clone()).unwrap();
        Barrier::new(1).wait().await;
        let mut set = JoinSet::new();
        set.spawn(async { 1 });
        while set.join_next().await.is_some() {}
        coop::unconstrained(async { tokio::task::yield_now().await }).await;
        time::interval(Duration::from_secs(1)).tick().await;
        tokio::signal::ctrl_c().await.unwrap();
    });
}
