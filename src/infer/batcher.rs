//! One network for many streams. In: runs that several threads ask for at about the same time. Out: each one's own
//! answer, from as few and as full runs of the network as the waiting time allows.
//!
//! A thread owns the engine. It takes the first run that waits and adds those of the same shape until the batch is full,
//! the first has waited `max_wait`, or every stream is waiting: then nobody is left who could join. What came while the
//! network was busy has waited already and is taken at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use ndarray::{ArrayD, ArrayViewD, Axis, Slice, concatenate};

use super::{Engine, InferError, Input, Output};

/// Runs that wait to be taken; a stream has at most one, of some 300 kB.
const WAITING: usize = 64;

/// How batches are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    /// Most samples in one run.
    pub max_batch: usize,
    /// Longest time that the first run of a batch waits for others while the network is idle.
    pub max_wait: Duration,
}

impl Default for BatchPlan {
    fn default() -> Self {
        Self { max_batch: 16, max_wait: Duration::from_millis(5) }
    }
}

/// What was run so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Runs of the network.
    pub runs: u64,
    /// Samples in them.
    pub samples: u64,
}

/// Values, and the processor time that they took.
type Answer = Result<(Vec<Output>, Duration), InferError>;

struct Job {
    name: String,
    values: ArrayD<f32>,
    arrived: Instant,
    reply: Sender<Answer>,
}

impl Job {
    fn samples(&self) -> usize {
        self.values.shape().first().copied().unwrap_or(0)
    }

    /// Whether both can be rows of one tensor.
    fn joins(&self, other: &Self) -> bool {
        self.name == other.name && self.values.shape().get(1..) == other.values.shape().get(1..)
    }
}

/// What the thread is told.
enum Told {
    /// A stream waits for an answer.
    Asked(Job),
    /// A stream has gone, for which nobody need wait.
    Left,
}

/// A network that streams share. Its thread ends with the last stream and the last of these.
#[derive(Clone)]
pub struct Batcher {
    model: String,
    told: Sender<Told>,
    streams: Arc<AtomicUsize>,
    counts: Arc<Mutex<BatchCounts>>,
}

impl Batcher {
    /// Starts the thread that owns the engine. The engine must take any number of samples along the first axis of its
    /// only input, and give as many along the first axis of each output.
    pub fn start(model: &str, engine: Box<dyn Engine>, plan: BatchPlan) -> Result<Self, InferError> {
        let (told, heard) = bounded(WAITING);
        let (streams, counts) = (Arc::new(AtomicUsize::new(0)), Arc::<Mutex<BatchCounts>>::default());
        let worker = Worker { engine, plan, heard, streams: Arc::clone(&streams), counts: Arc::clone(&counts) };
        let failed = |e: std::io::Error| InferError::Run { model: model.into(), message: e.to_string() };
        std::thread::Builder::new().name("batcher".into()).spawn(move || worker.work()).map_err(failed)?;
        Ok(Self { model: model.into(), told, streams, counts })
    }

    /// The way of one more stream to it.
    pub fn stream(&self) -> Batched {
        self.streams.fetch_add(1, Ordering::SeqCst);
        Batched { batcher: self.clone(), spent: Duration::ZERO }
    }

    /// Of all streams.
    pub fn counts(&self) -> BatchCounts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> InferError {
        InferError::Run { model: self.model.clone(), message: "the thread of the shared network has ended".into() }
    }
}

/// One stream's way to a shared network.
pub struct Batched {
    batcher: Batcher,
    spent: Duration,
}

impl Drop for Batched {
    fn drop(&mut self) {
        self.batcher.streams.fetch_sub(1, Ordering::SeqCst);
        // A full queue tells as much: the thread looks at who is left after each job.
        let _ = self.batcher.told.try_send(Told::Left);
    }
}

impl Engine for Batched {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, InferError> {
        let [input] = inputs else {
            let message = format!("{} inputs, but only networks with one are shared", inputs.len());
            return Err(InferError::Shape { model: self.batcher.model.clone(), message });
        };
        let (reply, answer) = bounded(1);
        let job = Job { name: input.name.to_owned(), values: input.values.to_owned(), arrived: Instant::now(), reply };
        self.batcher.told.send(Told::Asked(job)).map_err(|_| self.batcher.gone())?;
        let (outputs, spent) = answer.recv().map_err(|_| self.batcher.gone())??;
        self.spent += spent;
        Ok(outputs)
    }

    fn cpu_time(&self) -> Duration {
        self.spent
    }
}

/// The shared networks of a run with several streams, by model; cloning shares it.
#[derive(Clone, Default)]
pub struct Shared {
    batchers: Arc<Mutex<BTreeMap<String, Batcher>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let batchers = self.batchers.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(batchers.keys()).finish()
    }
}

impl Shared {
    /// A stream's way to the model; the first one loads it.
    pub(super) fn stream(
        &self,
        model: &str,
        load: impl FnOnce() -> Result<Box<dyn Engine>, InferError>,
    ) -> Result<Box<dyn Engine>, InferError> {
        let mut batchers = self.batchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = batchers.get(model) {
            return Ok(Box::new(known.stream()));
        }
        let batcher = Batcher::start(model, load()?, BatchPlan::default())?;
        let stream = batcher.stream();
        batchers.insert(model.to_owned(), batcher);
        Ok(Box::new(stream))
    }
}

/// The thread that owns the engine.
struct Worker {
    engine: Box<dyn Engine>,
    plan: BatchPlan,
    heard: Receiver<Told>,
    streams: Arc<AtomicUsize>,
    counts: Arc<Mutex<BatchCounts>>,
}

impl Worker {
    fn work(mut self) {
        let mut left = None;
        while let Some(first) = left.take().or_else(|| self.next()) {
            let batch;
            (batch, left) = self.gather(first);
            self.run(batch);
        }
    }

    /// The next job; `None` when nobody is left to ask.
    fn next(&self) -> Option<Job> {
        loop {
            if let Told::Asked(job) = self.heard.recv().ok()? {
                return Some(job);
            }
        }
    }

    /// Those that join the first, and the one that does not.
    fn gather(&self, first: Job) -> (Vec<Job>, Option<Job>) {
        let (until, mut samples) = (first.arrived + self.plan.max_wait, first.samples());
        let mut batch = vec![first];
        while samples < self.plan.max_batch && batch.len() < self.streams.load(Ordering::SeqCst) {
            // What is there already is taken, however late it is.
            let told = self.heard.try_recv().or_else(|_| self.heard.recv_deadline(until));
            let next = match told {
                Ok(Told::Asked(job)) => job,
                Ok(Told::Left) => continue,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            };
            if samples + next.samples() > self.plan.max_batch || !batch.iter().all(|job| job.joins(&next)) {
                return (batch, Some(next));
            }
            samples += next.samples();
            batch.push(next);
        }
        (batch, None)
    }

    /// Runs a batch and hands each its part. A stream that has gone needs no answer.
    fn run(&mut self, batch: Vec<Job>) {
        let before = self.engine.cpu_time();
        let answer = self.outputs(&batch);
        let spent = self.engine.cpu_time() - before;
        let all: usize = batch.iter().map(Job::samples).sum();
        {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            (counts.runs, counts.samples) = (counts.runs + 1, counts.samples + all as u64);
        }
        let mut from = 0;
        for job in batch {
            let rows = from..from + job.samples();
            from = rows.end;
            let share = spent.mul_f64(rows.len() as f64 / all.max(1) as f64);
            let part = answer.as_ref().map_err(|e| e.clone()).and_then(|all| part(all, rows));
            let _ = job.reply.send(part.map(|outputs| (outputs, share)));
        }
    }

    fn outputs(&mut self, batch: &[Job]) -> Result<Vec<Output>, InferError> {
        let views: Vec<ArrayViewD<'_, f32>> = batch.iter().map(|job| job.values.view()).collect();
        let name = batch.first().map_or("", |job| &job.name);
        let shape = |e: ndarray::ShapeError| InferError::Shape { model: name.into(), message: e.to_string() };
        let values = concatenate(Axis(0), &views).map_err(shape)?;
        self.engine.run(&[Input { name, values: values.view() }])
    }
}

/// These samples' rows of each output.
fn part(outputs: &[Output], rows: std::ops::Range<usize>) -> Result<Vec<Output>, InferError> {
    let cut = |output: &Output| {
        let all = output.values.shape().first().copied().unwrap_or(0);
        if rows.end > all {
            let message = format!("{all} rows in output {}, which has a row a sample", output.name);
            return Err(InferError::Shape { model: output.name.clone(), message });
        }
        let values = output.values.slice_axis(Axis(0), Slice::from(rows.clone())).to_owned();
        Ok(Output { name: output.name.clone(), values })
    };
    outputs.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::FakeEngine;

    const LATENCY: Duration = Duration::from_millis(2);

    fn ask(engine: &mut dyn Engine, value: f32, samples: usize) -> Vec<f32> {
        let values = ArrayD::from_shape_fn(vec![samples, 3], |i| value + i[0] as f32 + i[1] as f32);
        let outputs = engine.run(&[Input { name: "in", values: values.view() }]).unwrap();
        outputs[0].values.iter().copied().collect()
    }

    fn shared(max_batch: usize, max_wait: Duration) -> Batcher {
        let engine = FakeEngine::mean_logit("out").with_latency(LATENCY);
        Batcher::start("fake", Box::new(engine), BatchPlan { max_batch, max_wait }).unwrap()
    }

    #[test]
    fn many_streams_fill_batches_and_each_gets_its_own_answers() {
        // So long that only a full batch, or nobody left to wait for, starts a run.
        let batcher = shared(16, Duration::from_secs(600));
        let streams: Vec<Batched> = (0..32).map(|_| batcher.stream()).collect();
        std::thread::scope(|scope| {
            for (i, mut stream) in streams.into_iter().enumerate() {
                scope.spawn(move || {
                    let mut alone = FakeEngine::mean_logit("out");
                    for turn in 0..25 {
                        let value = (100 * i + turn) as f32;
                        assert_eq!(ask(&mut stream, value, 1), ask(&mut alone, value, 1));
                    }
                });
            }
        });
        let counts = batcher.counts();
        assert_eq!(counts.samples, 32 * 25);
        let fill = counts.samples as f64 / (16 * counts.runs) as f64;
        assert!(fill >= 0.8, "{counts:?}: {fill}");
    }

    #[test]
    fn a_stream_alone_waits_for_nobody_and_an_idle_one_holds_nobody_up_for_long() {
        let mut alone = shared(16, Duration::from_secs(600)).stream();
        assert_eq!(ask(&mut alone, 1.0, 2), [2.0, 3.0]);
        let batcher = shared(16, Duration::from_millis(1));
        let (mut busy, _idle) = (batcher.stream(), batcher.stream());
        assert_eq!(ask(&mut busy, 1.0, 1), [2.0], "after max_wait, though the other never asks");
        assert_eq!(batcher.counts(), BatchCounts { runs: 1, samples: 1 });
    }

    #[test]
    fn what_has_waited_its_time_is_not_kept_waiting() {
        let (told, heard) = bounded(WAITING);
        let (plan, counts) = (BatchPlan { max_batch: 4, max_wait: Duration::from_secs(600) }, Arc::default());
        let (engine, streams) = (Box::new(FakeEngine::mean_logit("out")), Arc::new(AtomicUsize::new(9)));
        let worker = Worker { engine, plan, heard, streams, counts };
        let long_ago = Instant::now().checked_sub(plan.max_wait).unwrap_or_else(Instant::now);
        let job = |samples: usize, width: usize, arrived| {
            let (reply, _) = bounded(1);
            Job { name: "in".into(), values: ArrayD::zeros(vec![samples, width]), arrived, reply }
        };
        // The batch closes when its first has waited, and takes along what is there by then.
        told.send(Told::Asked(job(1, 3, long_ago))).unwrap();
        let (batch, left) = worker.gather(job(1, 3, long_ago));
        assert_eq!((batch.len(), left.is_none()), (2, true));
        // Neither another shape nor too many samples join.
        for other in [job(1, 5, long_ago), job(4, 3, long_ago)] {
            told.send(Told::Asked(other)).unwrap();
            let (batch, left) = worker.gather(job(1, 3, long_ago));
            assert_eq!((batch.len(), left.is_some()), (1, true));
        }
        // A full one does not wait.
        assert_eq!(worker.gather(job(4, 3, Instant::now())).0.len(), 1);
    }

    #[test]
    fn a_failure_reaches_everyone_and_the_next_run_goes_on() {
        let engine = FakeEngine::new("out", |input| input.values.mapv(|v| if v < 0.0 { f32::NAN } else { v }));
        let mut shared = Batcher::start("fake", Box::new(engine), BatchPlan::default()).unwrap().stream();
        let bad = ArrayD::from_elem(vec![1, 3], -1.0);
        assert!(shared.run(&[Input { name: "in", values: bad.view() }]).is_err());
        assert_eq!(ask(&mut shared, 5.0, 1), [5.0, 6.0, 7.0]);
        assert!(shared.run(&[]).is_err());
    }
}
