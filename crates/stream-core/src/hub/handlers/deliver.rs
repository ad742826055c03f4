//! What whoever has the turn does.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Handlers;
use super::table::Table;
use crate::hub::callback::{Callback, Failure};
use crate::hub::place::Place;
use crate::hub::publish::Fresh;
use crate::hub::{Readiness, Shared};
use crate::sync::{Arc, Ordering, fence};

/// What whoever has the turn works with.
pub(super) struct Runner<T> {
    place: Place<T>,
    view: View<T>,
}

/// The handlers as they were when last looked at.
struct View<T> {
    table: Arc<Table<T>>,
    /// `None` if they must be looked at again in any case.
    version: Option<u64>,
    /// Handlers from this id on have not been looked at.
    fresh: u64,
}

impl<T> Runner<T> {
    pub(super) fn new(table: Arc<Table<T>>) -> Self {
        Self { place: Place::new(0), view: View { table, version: None, fresh: 0 } }
    }
}

impl<T> Shared<T> {
    /// Delivers what is published, unless somebody is at it, who then does.
    ///
    /// `fresh`, the item that was published last, need not be looked for.
    pub(in crate::hub) fn deliver(&self, fresh: Option<&Fresh<T>>) {
        fence(Ordering::SeqCst);
        while let Some(mut runner) = self.handlers.runner.try_lock() {
            self.deliver_rest(&mut runner, fresh);
            let seen = runner.view.version;
            drop(runner);
            fence(Ordering::SeqCst);
            if self.is_delivered() && seen == Some(self.handlers.version.load(Ordering::SeqCst)) {
                return;
            }
        }
    }

    /// Lets go of handlers that are gone, unless somebody delivers, who then does.
    pub(in crate::hub) fn forget_handlers(&self) {
        fence(Ordering::SeqCst);
        let runner = self.handlers.runner.try_lock();
        let outdated = runner.map(|mut runner| {
            runner.view.version = None;
            std::mem::replace(&mut runner.view.table, Arc::new(Table::default()))
        });
        // Without the lock: this may drop a handler, and with it anything.
        drop(outdated);
    }

    fn is_delivered(&self) -> bool {
        let handlers = &self.handlers;
        handlers.len() == 0 || handlers.progress.position() >= self.next.load(Ordering::Acquire)
    }

    fn deliver_rest(&self, runner: &mut Runner<T>, fresh: Option<&Fresh<T>>) {
        let Runner { place, view } = runner;
        loop {
            let delivered = self.handlers.progress.position();
            if place.position() < delivered {
                place.seek(delivered);
            }
            self.refresh(view, place.position());
            if view.table.live() == 0 {
                return;
            }
            if let Some(fresh) = fresh.filter(|fresh| fresh.number == place.position()) {
                self.deliver_one(view, fresh.number, &fresh.item);
                place.skip(1);
            } else {
                match place.look(self) {
                    None | Some(Readiness::Closed) => return,
                    Some(Readiness::Lagged { missed }) => {
                        self.report_lag(view, missed);
                        place.skip(missed);
                    }
                    Some(Readiness::Item) => {
                        if let Some(item) = place.item() {
                            self.deliver_one(view, place.position(), item);
                        }
                        place.skip(1);
                    }
                }
            }
            self.pace.advance(&self.handlers.progress, place.position());
        }
    }

    /// Calls every handler for one item; whoever panics is passed over.
    fn deliver_one(&self, view: &mut View<T>, number: u64, item: &T) {
        let index = Cell::new(0);
        loop {
            let call = || self.handlers.call_all(view, &index, number, item);
            match catch_unwind(AssertUnwindSafe(call)) {
                Ok(true) => return,
                Ok(false) => {
                    let id = view.table.id(index.get());
                    self.refresh(view, number);
                    index.set(view.table.index_of(id));
                }
                Err(panic) => {
                    let failure = Failure::from_panic(&*panic);
                    if let Some(callback) = view.table.callback(index.get()) {
                        self.handlers.fail(&callback, &failure);
                    }
                    index.set(index.get() + 1);
                }
            }
        }
    }

    /// Looks at the handlers again, if they changed, and gives new ones the items before
    /// `position` that they asked for.
    fn refresh(&self, view: &mut View<T>, position: u64) {
        loop {
            if view.version != Some(self.handlers.version.load(Ordering::SeqCst)) {
                self.handlers.look(view);
            }
            let fresh = std::mem::replace(&mut view.fresh, view.table.next_id());
            if fresh == view.fresh {
                return;
            }
            for id in fresh..view.fresh {
                self.replay(view, id, position);
            }
        }
    }

    /// Gives one handler the items before `position` that it asked for, unless it goes away.
    fn replay(&self, view: &mut View<T>, id: u64, position: u64) {
        let Some(index) = view.table.find(id) else { return };
        let mut place = Place::new(view.table.from(index));
        while place.position() < position {
            self.handlers.look(view);
            let callback = view.table.find(id).and_then(|index| view.table.callback(index));
            let Some(callback) = callback else { return };
            match place.look(self) {
                None | Some(Readiness::Closed) => return,
                Some(Readiness::Lagged { missed }) => {
                    self.handlers.fail(&callback, &Failure::Lagged { missed });
                    place.skip(missed);
                }
                Some(Readiness::Item) => {
                    if let Some(item) = place.item() {
                        self.handlers.call(&callback, item);
                    }
                    place.skip(1);
                }
            }
        }
    }

    #[cold]
    fn report_lag(&self, view: &View<T>, missed: u64) {
        for callback in (0..view.table.len()).filter_map(|index| view.table.callback(index)) {
            self.handlers.fail(&callback, &Failure::Lagged { missed });
        }
    }
}

impl<T> Handlers<T> {
    /// Takes the newest table.
    fn look(&self, view: &mut View<T>) {
        let table = self.table.read();
        view.version = Some(self.version.load(Ordering::SeqCst));
        let outdated = std::mem::replace(&mut view.table, Arc::clone(&table));
        drop(table);
        // Without the lock: this may drop a handler, and with it anything.
        drop(outdated);
    }

    /// Calls the handlers for one item, from the one at `index` on.
    ///
    /// Stops early, with `false`, when the handlers have changed: the one at `index` may be gone.
    fn call_all(&self, view: &View<T>, index: &Cell<usize>, number: u64, item: &T) -> bool {
        let Some(version) = view.version else { return false };
        let settled = view.table.is_settled(number);
        for (at, call) in view.table.calls().iter().enumerate().skip(index.get()) {
            index.set(at);
            if self.version.load(Ordering::Acquire) != version {
                return false;
            }
            if let Some(call) = call
                && (settled || view.table.from(at) <= number)
                && let Err(error) = call(item)
                && let Some(callback) = view.table.callback(at)
            {
                self.fail(&callback, &Failure::Error(error));
            }
        }
        true
    }

    /// Calls one handler for one item.
    fn call(&self, callback: &Callback<T>, item: &T) {
        match catch_unwind(AssertUnwindSafe(|| callback.call(item))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(callback, &Failure::Error(error)),
            Err(panic) => self.fail(callback, &Failure::from_panic(&*panic)),
        }
    }

    /// Tells of a failure; a report that fails itself is dropped.
    #[cold]
    fn fail(&self, callback: &Callback<T>, failure: &Failure) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        drop(catch_unwind(AssertUnwindSafe(|| callback.report(failure))));
    }
}
