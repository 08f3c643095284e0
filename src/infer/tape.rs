//! What networks were asked. In: the runs of every engine of a runtime. Out: as many runs of the same sizes once more, to
//! see what the networks cost alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use ndarray::ArrayD;

use super::{Engine, InferError, Input, Output};

/// Counts runs while it is on; cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    on: Arc<AtomicBool>,
    heads: Arc<Mutex<Vec<Head>>>,
}

/// Runs of one network on inputs of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// Its id.
    pub network: String,
    /// Shape of its first input.
    pub input: Vec<usize>,
    /// How often.
    pub times: u64,
}

/// An engine with what it was asked.
#[derive(Clone)]
struct Head {
    network: String,
    engine: Arc<Mutex<Box<dyn Engine>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Head {
    fn replay(&self) -> Result<Duration, InferError> {
        let (mut engine, asked) = (lock(&self.engine), lock(&self.asked));
        let before = engine.cpu_time();
        for run in asked.iter() {
            let inputs: Vec<Input<'_>> =
                run.inputs.iter().map(|(name, values)| Input { name, values: values.view() }).collect();
            for _ in 0..run.times {
                engine.run(&inputs)?;
            }
        }
        Ok(engine.cpu_time() - before)
    }
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Head({}, {} shapes)", self.network, lock(&self.asked).len())
    }
}

/// The first inputs of their shapes, and how often such were given.
struct Asked {
    inputs: Vec<(String, ArrayD<f32>)>,
    times: u64,
}

impl Asked {
    fn is_like(&self, inputs: &[Input<'_>]) -> bool {
        let alike = |((_, known), new): (&(String, ArrayD<f32>), &Input<'_>)| known.shape() == new.values.shape();
        self.inputs.len() == inputs.len() && self.inputs.iter().zip(inputs).all(alike)
    }
}

impl Tape {
    /// Forgets what was asked, and counts from now on.
    pub fn record(&self) {
        lock(&self.heads).iter().for_each(|head| lock(&head.asked).clear());
        self.on.store(true, Ordering::SeqCst);
    }

    /// Counts no more.
    pub fn stop(&self) {
        self.on.store(false, Ordering::SeqCst);
    }

    /// What was asked while it was on.
    pub fn runs(&self) -> Vec<Runs> {
        let of = |head: &Head| {
            let shape = |run: &Asked| run.inputs.first().map_or_else(Vec::new, |(_, values)| values.shape().to_vec());
            let runs = |run: &Asked| Runs { network: head.network.clone(), input: shape(run), times: run.times };
            lock(&head.asked).iter().map(runs).collect::<Vec<_>>()
        };
        lock(&self.heads).iter().flat_map(of).collect()
    }

    /// Runs every network as often as it was asked, each in a thread of its own; returns the processor time inside them.
    pub fn replay(&self) -> Result<Duration, InferError> {
        let heads = lock(&self.heads).clone();
        std::thread::scope(|scope| {
            let threads: Vec<_> = heads
                .iter()
                .filter_map(|head| Builder::new().name("replay".into()).spawn_scoped(scope, || head.replay()).ok())
                .collect();
            // A panic in an engine ends the measurement as it would end a scan.
            threads.into_iter().map(|thread| thread.join().unwrap_or(Ok(Duration::ZERO))).sum()
        })
    }

    /// A network's engine whose runs are counted.
    pub(super) fn wrap(&self, network: &str, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        let head = Head { network: network.into(), engine: Arc::new(Mutex::new(engine)), asked: Arc::default() };
        lock(&self.heads).push(head.clone());
        Box::new(Taped { on: Arc::clone(&self.on), head })
    }
}

struct Taped {
    on: Arc<AtomicBool>,
    head: Head,
}

impl Engine for Taped {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, InferError> {
        if self.on.load(Ordering::Relaxed) {
            let mut asked = lock(&self.head.asked);
            match asked.iter_mut().find(|known| known.is_like(inputs)) {
                Some(known) => known.times += 1,
                None => {
                    let inputs = inputs.iter().map(|i| (i.name.to_owned(), i.values.to_owned())).collect();
                    asked.push(Asked { inputs, times: 1 });
                }
            }
        }
        lock(&self.head.engine).run(inputs)
    }

    fn cpu_time(&self) -> Duration {
        lock(&self.head.engine).cpu_time()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::FakeEngine;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn what_was_asked_while_it_was_on_is_asked_again() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let engine = FakeEngine::new("out", move |input| {
            counted.fetch_add(1, Ordering::SeqCst);
            input.values.to_owned()
        });
        let tape = Tape::default();
        let mut taped = tape.wrap("fake", Box::new(engine));
        let mut ask = |n: usize| {
            let values = ArrayD::from_elem(vec![n, 2], 1.0);
            taped.run(&[Input { name: "in", values: values.view() }]).unwrap()
        };
        ask(1);
        tape.record();
        (0..3).for_each(|_| drop(ask(1)));
        assert_eq!(ask(2)[0].values.shape(), [2, 2]);
        tape.stop();
        ask(5);
        assert_eq!(runs.swap(0, Ordering::SeqCst), 6);
        tape.replay().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        let counted: Vec<_> = tape.runs().into_iter().map(|r| (r.network, r.input, r.times)).collect();
        assert_eq!(counted, [("fake".into(), vec![1, 2], 3), ("fake".into(), vec![2, 2], 1)]);
    }
}
