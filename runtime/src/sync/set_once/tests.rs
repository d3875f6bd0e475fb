//! A model of setting while others wait, and what a cell promises.

use super::*;
use runtime_base::driving::block_on;
use runtime_base::sync::{Arc, model, thread};

#[test]
fn who_waits_gets_the_value_that_is_set_meanwhile() {
    model(|| {
        let cell = Arc::new(SetOnce::new());
        let other = {
            let cell = cell.clone();
            thread::spawn(move || cell.set(Box::new(7)).unwrap())
        };
        assert_eq!(**block_on(cell.wait()), 7);
        other.join().unwrap();
    });
}

#[cfg(not(rt_loom))]
#[test]
fn a_second_value_comes_back() {
    let cell = SetOnce::new();
    assert!(!cell.initialized());
    cell.set(1).unwrap();
    assert_eq!(cell.set(2), Err(SetOnceError(2)));
    assert_eq!(cell.get(), Some(&1));
    assert_eq!(cell, SetOnce::from(1));
    assert_eq!(cell.clone().into_inner(), Some(1));
}
