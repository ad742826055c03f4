//! The lane's threads: each an event loop of its own, with the connections it was given.

use std::io;
use std::sync::Arc;

use axum::serve::Listener;
use bytes::BytesMut;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::connection::{self, Left};
use super::listener::{HandedOver, Moving};
use super::live::Desk;
use super::turn::Turn;
use crate::app::App;
use crate::limits::{EXPRESS_ARRIVALS, EXPRESS_HANDED_OVER};
use crate::live::Keeper;

/// Takes every connection in.
#[derive(Debug)]
pub(crate) struct Lane {
    listener: TcpListener,
    app: App,
    loops: Vec<Loop>,
    live: Keeper,
}

/// One thread of the lane, as seen from outside; dropping it cuts its connections.
#[derive(Debug)]
struct Loop {
    arrivals: mpsc::Sender<Moving>,
    /// Told when the thread is over.
    over: oneshot::Receiver<()>,
    /// Its end is the thread's.
    _cut: oneshot::Sender<()>,
}

/// A lane in front of `listener`, and what it leaves to the library.
///
/// Must be called within the server's runtime.
///
/// # Errors
/// If the system has no thread or event loop left.
pub(crate) fn lane(listener: TcpListener, app: App) -> io::Result<(Lane, HandedOver)> {
    let (handed_over, connections) = mpsc::channel(EXPRESS_HANDED_OVER);
    let live = Keeper::start(&app)?;
    let desk = Desk::new(&app, live.shards());
    let loops = (0..threads()).map(|_| Loop::start(&app, &desk, &handed_over));
    let loops = loops.collect::<io::Result<_>>()?;
    Ok((Lane { listener, app, loops, live }, HandedOver(connections)))
}

/// Half of the cores: the other half is for readers.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_euclid(2).max(1))
}

impl Lane {
    /// Serves until the server goes down and every connection in the lane is over.
    ///
    /// # Cancel safety
    /// Dropping the future cuts every connection in the lane, and all live readers.
    pub(crate) async fn run(mut self) {
        let pages = self.live.pages();
        // Both for as long as the other: readers who come to their end may need a page.
        tokio::select! {
            () = self.serve() => {}
            () = pages => {}
        }
    }

    async fn serve(mut self) {
        let mut shutdown = self.app.shutdown_signal();
        let mut slots = self.app.metrics().slots(self.app.connections_max());
        // Each thread gets as many as the others.
        for turn in (0..self.loops.len()).cycle() {
            let (socket, _) = tokio::select! {
                accepted = Listener::accept(&mut self.listener) => accepted,
                () = shutdown.begun() => break,
            };
            let Some(slot) = slots.take() else {
                slots.refuse(socket);
                continue;
            };
            // Small answers must leave at once; a socket that refuses this is served all the same.
            socket.set_nodelay(true).unwrap_or_default();
            if let (Ok(socket), Some(target)) = (socket.into_std(), self.loops.get(turn)) {
                let moving = Moving { socket, read: BytesMut::new(), slot };
                // A thread ends before the server only if it is lost.
                target.arrivals.send(moving).await.unwrap_or_default();
            }
        }
        self.live.drain();
        drop(self.listener);
        for Loop { arrivals, over, _cut } in self.loops {
            drop(arrivals);
            // It says nothing but that it is over.
            over.await.unwrap_or_default();
        }
        self.live.close().await;
    }
}

impl Loop {
    fn start(app: &App, desk: &Desk, handed_over: &mpsc::Sender<Moving>) -> io::Result<Self> {
        let (arrivals, arriving) = mpsc::channel(EXPRESS_ARRIVALS);
        let (ended, over) = oneshot::channel();
        let (cut, is_cut) = oneshot::channel();
        let turn = Arc::new(Turn::new(app));
        let own = Arc::clone(&turn);
        let mut builder = Builder::new_current_thread();
        let runtime = builder.on_thread_park(move || own.rest()).enable_all().build()?;
        let (app, desk, handed_over) = (app.clone(), desk.clone(), handed_over.clone());
        std::thread::Builder::new().name("express".to_owned()).spawn(move || {
            let looks = Arc::clone(&turn);
            runtime.spawn(async move { looks.look().await });
            runtime.block_on(async {
                tokio::select! {
                    () = serve((app, desk), turn, arriving, handed_over) => {}
                    _ = is_cut => {}
                }
            });
            drop(ended);
        })?;
        Ok(Self { arrivals, over, _cut: cut })
    }
}

/// Serves all that arrive, until no more will and all are over.
async fn serve(
    (app, desk): (App, Desk),
    turn: Arc<Turn>,
    mut arriving: mpsc::Receiver<Moving>,
    handed_over: mpsc::Sender<Moving>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            arrived = arriving.recv() => {
                let Some(Moving { socket, slot, .. }) = arrived else { break };
                let (app, desk, turn) = (app.clone(), desk.clone(), Arc::clone(&turn));
                let handed_over = handed_over.clone();
                // One that cannot be watched is closed.
                if let Ok(socket) = TcpStream::from_std(socket) {
                    connections.spawn(async move {
                        let left = connection::serve((socket, slot), &app, &desk, &turn).await;
                        hand_over(left, &handed_over).await;
                    });
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Gives a connection that did not end to the library.
async fn hand_over(left: io::Result<Left>, handed_over: &mpsc::Sender<Moving>) {
    // A connection that broke needs no answer.
    if let Ok(Left::Library(socket, read, slot)) = left
        && let Ok(socket) = socket.into_std()
    {
        // Nobody takes it only when the server goes down, and then it is closed.
        handed_over.send(Moving { socket, read, slot }).await.unwrap_or_default();
    }
}
