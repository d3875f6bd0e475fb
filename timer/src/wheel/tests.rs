//! The wheel against a model that keeps all deadlines in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Wake;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// A waker that writes its number into a log.
struct Numbered {
    number: u32,
    log: Arc<Mutex<Vec<u32>>>,
}

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        self.log.lock().unwrap().push(self.number);
    }
}

#[derive(Debug, Clone)]
enum Op {
    Insert(u64),
    Remove(Index),
    Reset(Index, u64),
    /// Time passes.
    Advance(u64),
    /// Time passes until the wheel says that something is due.
    AdvanceToNext,
}

/// Distances of every magnitude, from none to beyond the last level.
fn distance() -> impl Strategy<Value = u64> {
    (0u32..45, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => distance().prop_map(Op::Insert),
        2 => any::<Index>().prop_map(Op::Remove),
        2 => (any::<Index>(), distance()).prop_map(|(index, by)| Op::Reset(index, by)),
        2 => distance().prop_map(Op::Advance),
        2 => Just(Op::AdvanceToNext),
    ]
}

/// A wheel, and the same entries in a map.
struct Checked {
    wheel: Wheel,
    now: Tick,
    log: Arc<Mutex<Vec<u32>>>,
    /// By number.
    waiting: BTreeMap<u32, (Tick, EntryKey)>,
    gone: Vec<EntryKey>,
    next_number: u32,
}

impl Checked {
    fn new() -> Self {
        Self {
            wheel: Wheel::new(),
            now: Tick::ZERO,
            log: Arc::default(),
            waiting: BTreeMap::new(),
            gone: Vec::new(),
            next_number: 0,
        }
    }

    fn insert(&mut self, after: u64) {
        let deadline = Tick(self.now.0 + after);
        let number = self.next_number;
        self.next_number += 1;
        let waker = Waker::from(Arc::new(Numbered {
            number,
            log: self.log.clone(),
        }));
        match self.wheel.insert(deadline, waker) {
            Ok(key) => {
                assert!(deadline > self.now, "an entry that is due went in");
                self.waiting.insert(number, (deadline, key));
            }
            Err(_) => assert!(deadline <= self.now, "an entry was due too early"),
        }
    }

    fn pick(&self, index: Index) -> Option<u32> {
        if self.waiting.is_empty() {
            return None;
        }
        self.waiting
            .keys()
            .nth(index.index(self.waiting.len()))
            .copied()
    }

    fn remove(&mut self, number: u32) {
        let (_, key) = self.waiting.remove(&number).unwrap();
        let waker = self.wheel.remove(key).expect("the entry waits");
        waker.wake();
        assert_eq!(self.log.lock().unwrap().pop(), Some(number));
        self.gone.push(key);
    }

    fn reset(&mut self, number: u32, after: u64) {
        let (old, key) = self.waiting[&number];
        let deadline = Tick(self.now.0 + after);
        match self.wheel.reset(key, deadline) {
            Reset::Waiting => {
                assert!(deadline > self.now);
                self.waiting.insert(number, (deadline, key));
            }
            Reset::Due(waker) => {
                assert!(deadline <= self.now);
                waker.wake();
                assert_eq!(self.log.lock().unwrap().pop(), Some(number));
                self.waiting.remove(&number);
                self.gone.push(key);
            }
            Reset::Gone => panic!("the entry for {old:?} fired too early"),
        }
    }

    /// Time passes; fires in portions, to meet the wheel half way.
    fn advance(&mut self, to: Tick) {
        let mut batch = WakeBatch::new();
        while self.wheel.expire(to, 2, &mut batch) {
            assert_eq!(self.wheel.next_deadline(), Some(self.wheel.elapsed));
        }
        batch.wake_all();
        self.now = self.now.max(to);
        assert_eq!(self.wheel.elapsed, self.now);

        let log = std::mem::take(&mut *self.log.lock().unwrap());
        let deadlines: Vec<_> = log.iter().map(|number| self.waiting[number].0).collect();
        assert!(deadlines.is_sorted(), "fired out of order: {deadlines:?}");
        for number in log {
            let (deadline, key) = self.waiting.remove(&number).expect("fired twice");
            assert!(deadline <= to, "{deadline:?} fired early, at {to:?}");
            self.gone.push(key);
        }
        let late = self.waiting.values().find(|(deadline, _)| *deadline <= to);
        assert_eq!(late, None, "did not fire at {to:?}");
    }

    /// What an idle worker does. One level per jump is lost at most to estimates.
    fn advance_to_next(&mut self) {
        let Some(earliest) = self.earliest() else {
            return;
        };
        let before = self.waiting.len();
        for _ in 0..=LEVELS + 1 {
            let next = self.wheel.next_deadline().unwrap();
            assert!(next > self.now, "the worker would spin");
            self.advance(next);
            if self.waiting.len() < before {
                assert_eq!(self.now, earliest);
                return;
            }
        }
        panic!("too many wake-ups for nothing before {earliest:?}");
    }

    fn earliest(&self) -> Option<Tick> {
        self.waiting.values().map(|(deadline, _)| *deadline).min()
    }

    /// H1, H2, H3, and what follows from them.
    fn check(&self) {
        let wheel = &self.wheel;
        assert_eq!(wheel.len(), self.waiting.len());
        assert_eq!(wheel.entries.iter().count(), self.waiting.len());
        let mut occupied = [0; LEVELS];
        for (_, deadline, place) in wheel.entries.iter() {
            assert!(deadline > wheel.elapsed);
            assert_eq!(place, Place::of(deadline, wheel.elapsed));
            assert!(wheel.slots[place.index()].earliest <= deadline);
            if let Some(level) = occupied.get_mut(place.level()) {
                *level |= place.bit();
            }
        }
        assert_eq!(wheel.occupied, occupied);
        match (wheel.next_deadline(), self.earliest()) {
            (Some(estimate), Some(earliest)) => {
                assert!(wheel.elapsed < estimate && estimate <= earliest);
            }
            (estimate, earliest) => assert_eq!(estimate, earliest),
        }
        for key in &self.gone {
            assert!(!wheel.contains(*key), "an old key found an entry");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_wheel_fires_what_is_due_in_order_and_nothing_early(
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut checked = Checked::new();
        for op in ops {
            match op {
                Op::Insert(after) => checked.insert(after),
                Op::Remove(index) => {
                    if let Some(number) = checked.pick(index) {
                        checked.remove(number);
                    }
                }
                Op::Reset(index, after) => {
                    if let Some(number) = checked.pick(index) {
                        checked.reset(number, after);
                    }
                }
                Op::Advance(by) => checked.advance(Tick(checked.now.0 + by)),
                Op::AdvanceToNext => checked.advance_to_next(),
            }
            checked.check();
        }
        while !checked.waiting.is_empty() {
            checked.advance_to_next();
            checked.check();
        }
    }
}

#[test]
fn an_entry_of_every_level_fires_at_its_tick_and_not_before() {
    for bits in 0..=40 {
        for distance in [1 << bits, (1u64 << bits) + 1, (2 << bits) - 1] {
            for start in [0, 63, 4_095, 12_345_678] {
                let mut checked = Checked::new();
                checked.advance(Tick(start));
                checked.insert(distance);
                checked.advance(Tick(start + distance - 1));
                assert_eq!(checked.waiting.len(), 1);
                checked.advance(Tick(start + distance));
                assert_eq!(checked.waiting.len(), 0);
            }
        }
    }
}

#[test]
fn the_latest_deadline_of_all_is_kept_and_never_in_the_way() {
    let mut checked = Checked::new();
    checked.insert(u64::MAX - 1);
    checked.insert(1 << 50);
    checked.insert(1);
    checked.check();
    checked.advance_to_next();
    assert_eq!(checked.now, Tick(1));
    checked.advance_to_next();
    assert_eq!(checked.now, Tick(1 << 50));
    checked.check();
    assert_eq!(checked.waiting.len(), 1);
}

#[test]
fn time_that_runs_backwards_changes_nothing() {
    let mut checked = Checked::new();
    checked.insert(100);
    checked.advance(Tick(90));
    assert!(!checked.wheel.expire(Tick(10), 1, &mut WakeBatch::new()));
    checked.check();
    checked.advance(Tick(100));
    assert!(checked.waiting.is_empty());
}

#[test]
fn everything_can_be_fired_at_once() {
    let mut checked = Checked::new();
    for bits in 1..45 {
        checked.insert(1 << bits);
    }
    let mut batch = WakeBatch::new();
    checked.wheel.expire_everything(&mut batch);
    assert_eq!(batch.len(), checked.waiting.len());
    checked.waiting.clear();
    checked.check();
}

#[test]
fn a_burst_gives_its_memory_back_and_its_keys_stay_dead() {
    let mut checked = Checked::new();
    for _ in 0..100_000 {
        checked.insert(5);
    }
    checked.advance(Tick(5));
    checked.insert(5);
    checked.check();
}
