//! The question that one thread asks another, whose signal handler answers: where are you?
//!
//! One word says where the question stands. Only the asker and the handlers use it, and a handler may
//! run at any time: long after the asker has lost patience, or in a thread that was asked before.
//!
//! ```text
//!              ask                  claim                   answered
//!   Idle ─────────────► Asked ───────────────► Answering ─────────────► Answered
//!    ▲                    │    by the handler               by the handler   │
//!    └────────────────────┘                                                  │ the next `ask`
//!       withdraw, no answer will come         Asked ◄────────────────────────┘
//! ```
//!
//! An asker that withdraws too late, while a handler is at work, leaves the question *abandoned*: it
//! looks away, and asks nothing more until the handler is done.
//!
//! # Invariants
//!
//! - **A1** There is one [`Asker`]. It alone makes questions and withdraws them.
//! - **A2** A handler touches what it answers into only while it holds a [`Claim`], that is, while the
//!   word says `Answering`. There is one claim at most: it is taken by exchanging the word.
//! - **A3** The asker touches it only while the word says something else, which nobody but itself then
//!   changes, except in `Asked`, where it touches nothing.
//! - **A4** Every question has a number of its own, which the word carries. A claim exchanges exactly
//!   the word in which the handler has seen that its own thread is asked, so a question for one thread
//!   is never answered by another, however late that one runs. (30 bits: a handler would have to be
//!   late by a thousand million questions.)

#![allow(dead_code)] // Where no stacks are captured, the models run all the same.

use std::ops::Deref;

use runtime_base::sync::atomic::AtomicU32;
use runtime_base::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Where a question stands: the two low bits of the word, below its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is none.
    Idle,
    /// The thread's handler may claim it.
    Asked,
    /// A handler is at work.
    Answering,
    /// The answer is there.
    Answered,
}

const PROGRESS: u32 = 0b11;
const ONE_NUMBER: u32 = 0b100;

impl Progress {
    fn of(word: u32) -> Self {
        match word & PROGRESS {
            0 => Self::Idle,
            1 => Self::Asked,
            2 => Self::Answering,
            _ => Self::Answered,
        }
    }

    /// The same question as in `word`, at this point.
    fn in_word(self, word: u32) -> u32 {
        word & !PROGRESS | self as u32
    }
}

/// What the asker and the handlers share.
#[derive(Debug)]
pub(super) struct Question {
    word: AtomicU32,
    /// The thread that is asked. Written before the word says so.
    thread: AtomicU32,
}

impl Question {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU32::new(Progress::Idle as u32),
            thread: AtomicU32::new(0),
        }
    }

    /// The right to answer, if the calling thread, whose number is `thread`, is asked.
    ///
    /// Safe in a signal handler.
    pub(super) fn claim(&self, thread: u32) -> Option<Claim<'_>> {
        // Acquire pairs with the release in `ask`: what was written before the question is seen, the
        // thread's number among it.
        let asked = self.word.load(Acquire);
        // Relaxed: it is the number of the question in `asked`, or that of a later one; then the
        // exchange fails (A4).
        if Progress::of(asked) != Progress::Asked || self.thread.load(Relaxed) != thread {
            return None;
        }
        // Relaxed is enough: `asked` was acquired above, and the word has not changed since.
        self.word
            .compare_exchange(asked, Progress::Answering.in_word(asked), Relaxed, Relaxed)
            .is_ok()
            .then_some(Claim {
                question: self,
                asked,
            })
    }

    /// The word, for waiting on it.
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.word
    }
}

/// A handler's right to answer (A2).
#[derive(Debug)]
#[must_use = "the asker waits for the answer"]
pub(super) struct Claim<'a> {
    question: &'a Question,
    asked: u32,
}

impl Claim<'_> {
    /// The answer is complete. The asker may be waiting on the word.
    ///
    /// Safe in a signal handler.
    pub(super) fn answered(self) {
        // Nobody else changes the word of a claimed question. Release pairs with the acquire in
        // `progress`, and gives what was answered to the asker.
        self.question
            .word
            .store(Progress::Answered.in_word(self.asked), Release);
    }
}

/// The one that asks (A1).
#[derive(Debug)]
pub(super) struct Asker<Q> {
    question: Q,
}

impl<Q: Deref<Target = Question>> Asker<Q> {
    /// The asker of a new question, of which there must be no other.
    pub(super) fn new(question: Q) -> Self {
        Self { question }
    }

    /// Asks. What was written before is seen by the handler that answers.
    ///
    /// # Errors
    ///
    /// A handler is still at work on an abandoned question.
    pub(super) fn ask(&mut self, thread: u32) -> Result<(), StillAnswering> {
        let (progress, last) = self.progress();
        match progress {
            Progress::Answering => return Err(StillAnswering),
            Progress::Asked => unreachable!("a question is awaited or withdrawn"),
            Progress::Idle | Progress::Answered => {}
        }
        // In these states the word is ours alone (A3).
        self.question.thread.store(thread, Relaxed);
        let next = Progress::Asked.in_word(last.wrapping_add(ONE_NUMBER));
        // Release pairs with the acquire in `claim`.
        self.question.word.store(next, Release);
        Ok(())
    }

    /// Where the question stands, and the word that says so. When it is answered, the answer may be
    /// read.
    pub(super) fn progress(&self) -> (Progress, u32) {
        // Acquire pairs with the release in `answered`.
        let word = self.question.word.load(Acquire);
        (Progress::of(word), word)
    }

    /// Takes back a question that nobody has claimed. Says where it stands then: only `Answering`
    /// means that a handler is at work.
    pub(super) fn withdraw(&mut self) -> Progress {
        let (progress, asked) = self.progress();
        if progress != Progress::Asked {
            return progress;
        }
        let idle = Progress::Idle.in_word(asked);
        // Acquire pairs with the release in `answered`, if the handler was that fast. Relaxed when it
        // succeeds: there is nothing to see or to show.
        match self
            .question
            .word
            .compare_exchange(asked, idle, Relaxed, Acquire)
        {
            Ok(_) => Progress::Idle,
            Err(word) => Progress::of(word),
        }
    }

    pub(super) fn question(&self) -> &Question {
        &self.question
    }
}

/// The handler that answers an abandoned question is not done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StillAnswering;

#[cfg(test)]
mod tests {
    use runtime_base::sync::cell::UnsafeCell;
    use runtime_base::sync::{Arc, model, thread};

    use super::*;

    /// A question, and where its answer goes: the number of the thread that has answered.
    struct Exchange {
        question: Question,
        answer: UnsafeCell<u32>,
    }

    #[allow(unsafe_code)] // The cell stands for the pipe; A2 and A3 say who may use it when.
    // SAFETY: all access is by `handle` and `take`, and never at the same time (A2, A3).
    unsafe impl Sync for Exchange {}

    #[allow(unsafe_code)]
    impl Exchange {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                question: Question::new(),
                answer: UnsafeCell::new(0),
            })
        }

        /// What a handler does.
        fn handle(&self, thread: u32) {
            if let Some(claim) = self.question.claim(thread) {
                // SAFETY: this is the only claim, and the asker looks away (A2, A3).
                self.answer.with_mut(|answer| unsafe { *answer = thread });
                claim.answered();
            }
        }

        /// What the asker does when it may touch the answer.
        fn take(&self) -> u32 {
            self.answer.with_mut(|answer| {
                // SAFETY: no handler has a claim, and only the asker makes questions (A3).
                unsafe { std::mem::take(&mut *answer) }
            })
        }
    }

    struct Shared(Arc<Exchange>);

    impl Deref for Shared {
        type Target = Question;

        fn deref(&self) -> &Question {
            &self.0.question
        }
    }

    /// Waits a little for an answer, and withdraws; the answer, if there is one.
    fn await_answer(exchange: &Exchange, asker: &mut Asker<Shared>) -> Option<u32> {
        if asker.progress().0 != Progress::Answered {
            thread::yield_now();
        }
        (asker.withdraw() == Progress::Answered).then(|| exchange.take())
    }

    #[test]
    fn an_answer_is_complete_or_there_is_none() {
        model(|| {
            let exchange = Exchange::new();
            let mut asker = Asker::new(Shared(exchange.clone()));
            // It begins before the question is asked, which alone then says that there is one.
            let handler = {
                let exchange = exchange.clone();
                thread::spawn(move || exchange.handle(1))
            };
            exchange.take();
            asker.ask(1).unwrap();
            if let Some(answer) = await_answer(&exchange, &mut asker) {
                assert_eq!(answer, 1);
            }
            handler.join().unwrap();
            assert_ne!(asker.progress().0, Progress::Answering);
        });
    }

    #[test]
    fn a_late_answer_does_not_pass_for_that_of_the_next_thread() {
        model(|| {
            let exchange = Exchange::new();
            let mut asker = Asker::new(Shared(exchange.clone()));
            asker.ask(1).unwrap();
            let late = {
                let exchange = exchange.clone();
                thread::spawn(move || exchange.handle(1))
            };
            let _ = await_answer(&exchange, &mut asker);
            if asker.progress().0 != Progress::Answering {
                // Clears away what the handler has left.
                exchange.take();
                asker.ask(2).unwrap();
                let next = {
                    let exchange = exchange.clone();
                    thread::spawn(move || exchange.handle(2))
                };
                if let Some(answer) = await_answer(&exchange, &mut asker) {
                    assert_eq!(answer, 2);
                }
                next.join().unwrap();
            }
            late.join().unwrap();
        });
    }

    #[test]
    fn of_two_handlers_of_one_thread_one_answers() {
        model(|| {
            let exchange = Exchange::new();
            let mut asker = Asker::new(Shared(exchange.clone()));
            asker.ask(1).unwrap();
            // The signal of a withdrawn question may arrive together with that of this one. Handlers
            // of one thread do not interrupt each other; here they may.
            let handler = {
                let exchange = exchange.clone();
                thread::spawn(move || exchange.handle(1))
            };
            exchange.handle(1);
            handler.join().unwrap();
            assert_eq!(asker.progress().0, Progress::Answered);
            assert_eq!(exchange.take(), 1);
        });
    }

    #[test]
    fn a_question_is_answered_by_the_thread_that_is_asked_and_once() {
        model(|| {
            let exchange = Exchange::new();
            let mut asker = Asker::new(Shared(exchange.clone()));
            exchange.handle(1);
            asker.ask(1).unwrap();
            exchange.handle(2);
            assert_eq!(asker.progress().0, Progress::Asked);
            let claim = exchange.question.claim(1).expect("it is asked");
            assert!(exchange.question.claim(1).is_none());
            assert_eq!(asker.ask(2), Err(StillAnswering));
            assert_eq!(asker.withdraw(), Progress::Answering);
            claim.answered();
            assert_eq!(asker.withdraw(), Progress::Answered);
            asker.ask(2).unwrap();
            assert_eq!(asker.withdraw(), Progress::Idle);
            exchange.handle(2);
            assert_eq!(asker.progress().0, Progress::Idle);
        });
    }
}
