//! How times are sorted into buckets: those of polls, and those that tasks wait.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Which buckets times are sorted into; see
/// [`Builder::metrics_poll_time_histogram_configuration`](super::Builder::metrics_poll_time_histogram_configuration)
/// and
/// [`metrics_schedule_latency_histogram_configuration`](super::Builder::metrics_schedule_latency_histogram_configuration).
#[derive(Clone, Debug)]
pub struct HistogramConfiguration {
    pub(crate) scale: Scale,
}

impl HistogramConfiguration {
    /// Buckets of equal width. The last one is open.
    pub fn linear(bucket_width: Duration, num_buckets: usize) -> Self {
        Self {
            scale: Scale::Linear {
                width: nanoseconds(bucket_width),
                count: num_buckets,
            },
        }
    }

    /// Buckets whose width grows with the time.
    pub fn log(configuration: impl Into<LogHistogram>) -> Self {
        Self {
            scale: Scale::Log(configuration.into()),
        }
    }
}

/// How the width of buckets grows; see
/// [`Builder::metrics_poll_count_histogram_scale`](super::Builder::metrics_poll_count_histogram_scale).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HistogramScale {
    /// All buckets have the same width.
    Linear,
    /// Each bucket reaches twice as far as the one before.
    Log,
}

/// Buckets whose width grows with the time, so that the relative error stays the same: every power of
/// two is divided into equally many.
///
/// ```
/// use std::time::Duration;
/// use runtime::runtime::{Builder, HistogramConfiguration, LogHistogram};
///
/// let runtime = Builder::new_current_thread()
///     .enable_metrics_poll_time_histogram()
///     .metrics_poll_time_histogram_configuration(HistogramConfiguration::log(
///         LogHistogram::builder()
///             .min_value(Duration::from_micros(1))
///             .max_value(Duration::from_secs(1))
///             .max_error(0.25),
///     ))
///     .build()?;
/// runtime.block_on(runtime.spawn(async {})).unwrap();
/// let metrics = runtime.metrics();
/// let buckets = metrics.poll_time_histogram_num_buckets();
/// let polls: u64 = (0..buckets).map(|bucket| metrics.poll_time_histogram_bucket_count(0, bucket)).sum();
/// assert_eq!(polls, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogHistogram {
    /// A power of two is divided into `2.pow(precision)` buckets.
    precision: u32,
    /// The number of the first bucket; what is below goes there too.
    first: usize,
    count: usize,
}

/// Makes a [`LogHistogram`].
#[derive(Clone, Copy, Debug)]
pub struct LogHistogramBuilder {
    precision: u32,
    min: u64,
    max: u64,
}

/// The settings of a [`LogHistogram`] ask for too much.
#[derive(Debug)]
pub enum InvalidHistogramConfiguration {
    /// More buckets than allowed.
    TooManyBuckets {
        /// How many the settings ask for.
        required_bucket_count: usize,
    },
}

/// The shortest time that is told from zero, unless set.
const DEFAULT_MIN: Duration = Duration::from_nanos(100);
/// Where the last bucket begins at the latest, unless set.
const DEFAULT_MAX: Duration = Duration::from_secs(60);
/// Four buckets for each power of two: an error of a quarter. Tokio's figure.
const DEFAULT_PRECISION: u32 = 2;
/// 1,024 buckets for each power of two; Tokio's figure.
const MAX_PRECISION: u32 = 10;

impl LogHistogram {
    /// A builder with an error of at most a quarter, from 100 nanoseconds to a minute.
    pub fn builder() -> LogHistogramBuilder {
        LogHistogramBuilder {
            precision: DEFAULT_PRECISION,
            min: nanoseconds(DEFAULT_MIN),
            max: nanoseconds(DEFAULT_MAX),
        }
    }

    /// Where the last bucket begins, in nanoseconds.
    pub fn max_value(&self) -> u64 {
        self.begin(self.count - 1)
    }

    /// The number of a time's bucket, counted from zero nanoseconds.
    fn number(precision: u32, value: u64) -> usize {
        let per_power = 1 << precision;
        if value < per_power {
            return value as usize;
        }
        let power = value.ilog2() - precision;
        (u64::from(power) * per_power + (value >> power)) as usize
    }

    fn bucket_of(&self, value: u64) -> usize {
        Self::number(self.precision, value)
            .saturating_sub(self.first)
            .min(self.count - 1)
    }

    /// Where a bucket begins, in nanoseconds.
    fn begin(&self, bucket: usize) -> u64 {
        if bucket == 0 {
            return 0;
        }
        let number = (bucket + self.first) as u64;
        let per_power = 1_u64 << self.precision;
        if number < per_power {
            return number;
        }
        let power = (number >> self.precision) - 1;
        let within = per_power + number % per_power;
        within
            .checked_mul(1_u64.checked_shl(power as u32).unwrap_or(0))
            .filter(|begin| *begin > 0)
            .unwrap_or(u64::MAX)
    }
}

impl Default for LogHistogram {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl LogHistogramBuilder {
    /// How wide a bucket may be in relation to its times, at most.
    ///
    /// # Panics
    ///
    /// Unless it is above 0 and below 1.
    #[track_caller]
    pub fn max_error(mut self, max_error: f64) -> Self {
        assert!(
            max_error > 0.0,
            "max_error must be greater than 0; 0.25 is the default"
        );
        assert!(
            max_error < 1.0,
            "max_error must be less than 1; 0.25 is the default"
        );
        self.precision = (DEFAULT_PRECISION..MAX_PRECISION)
            .find(|precision| 0.5_f64.powi(*precision as i32) <= max_error)
            .unwrap_or(MAX_PRECISION);
        self
    }

    /// Divides every power of two into `2.pow(precision)` buckets.
    ///
    /// # Panics
    ///
    /// Above 10.
    #[track_caller]
    pub fn precision_exact(mut self, precision: u32) -> Self {
        assert!(
            precision <= MAX_PRECISION,
            "precision must be <= 10; 2 is the default"
        );
        self.precision = precision;
        self
    }

    /// The shortest time of interest: what is much shorter goes into the first bucket.
    pub fn min_value(mut self, duration: Duration) -> Self {
        self.min = nanoseconds(duration);
        self
    }

    /// The longest time of interest: what is longer goes into the last bucket.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[track_caller]
    pub fn max_value(mut self, duration: Duration) -> Self {
        assert!(
            !duration.is_zero(),
            "max value must be greater than 0; 60 s is the default"
        );
        self.max = nanoseconds(duration);
        self
    }

    /// The configuration, unless it needs more than `max_buckets` buckets.
    ///
    /// # Errors
    ///
    /// When it needs more.
    pub fn max_buckets(
        &mut self,
        max_buckets: usize,
    ) -> Result<LogHistogram, InvalidHistogramConfiguration> {
        let histogram = self.build();
        if histogram.count > max_buckets {
            return Err(InvalidHistogramConfiguration::TooManyBuckets {
                required_bucket_count: histogram.count,
            });
        }
        Ok(histogram)
    }

    /// The configuration.
    pub fn build(&self) -> LogHistogram {
        let first = LogHistogram::number(self.precision, self.min).saturating_sub(1);
        // The last bucket is the first one that begins at the longest time of interest, or later.
        let longest = self.max.max(self.min);
        let last = LogHistogram::number(self.precision, longest - 1) + 1;
        LogHistogram {
            precision: self.precision,
            first,
            count: last - first + 1,
        }
    }
}

impl Default for LogHistogramBuilder {
    fn default() -> Self {
        LogHistogram::builder()
    }
}

impl From<LogHistogramBuilder> for LogHistogram {
    fn from(builder: LogHistogramBuilder) -> Self {
        builder.build()
    }
}

impl fmt::Display for InvalidHistogramConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyBuckets {
                required_bucket_count,
            } => write!(
                f,
                "the histogram would need {required_bucket_count} buckets; allow more, or a larger \
                 error"
            ),
        }
    }
}

impl std::error::Error for InvalidHistogramConfiguration {}

/// The buckets there are.
#[derive(Clone, Debug)]
pub(crate) enum Scale {
    Linear {
        width: u64,
        count: usize,
    },
    /// The first bucket reaches to `first`, each further one twice as far.
    Doubling {
        first: u64,
        count: usize,
    },
    Log(LogHistogram),
}

impl Scale {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Linear { count, .. } | Self::Doubling { count, .. } => *count,
            Self::Log(log) => log.count,
        }
    }

    /// The bucket of a time; there is one at least.
    fn bucket_of(&self, nanoseconds: u64) -> usize {
        match self {
            Self::Linear { width, count } => nanoseconds
                .checked_div(*width)
                .map_or(*count, |bucket| bucket as usize)
                .min(count - 1),
            Self::Doubling { first, count } => {
                let times = nanoseconds / (*first).max(1);
                let bucket = times.checked_ilog2().map_or(0, |power| power as usize + 1);
                bucket.min(count - 1)
            }
            Self::Log(log) => log.bucket_of(nanoseconds),
        }
    }

    fn begin(&self, bucket: usize) -> u64 {
        match self {
            Self::Linear { width, .. } => width.saturating_mul(bucket as u64),
            Self::Doubling { .. } if bucket == 0 => 0,
            Self::Doubling { first, .. } => {
                let power = u32::try_from(bucket - 1).unwrap_or(u32::MAX);
                first.saturating_mul(1_u64.checked_shl(power).unwrap_or(u64::MAX))
            }
            Self::Log(log) => log.begin(bucket),
        }
    }

    pub(crate) fn range(&self, bucket: usize) -> Range<Duration> {
        let end = if bucket + 1 >= self.count() {
            u64::MAX
        } else {
            self.begin(bucket + 1)
        };
        Duration::from_nanos(self.begin(bucket))..Duration::from_nanos(end)
    }
}

/// What a builder says of the times of polls.
#[derive(Clone, Debug)]
pub(crate) struct PollTimes {
    pub(crate) enabled: bool,
    /// Set as a whole, or else by its parts.
    pub(crate) configuration: Option<HistogramConfiguration>,
    pub(crate) growth: HistogramScale,
    pub(crate) resolution: Duration,
    pub(crate) buckets: usize,
}

impl Default for PollTimes {
    /// Ten buckets of 100 microseconds; Tokio's figures.
    fn default() -> Self {
        Self {
            enabled: false,
            configuration: None,
            growth: HistogramScale::Linear,
            resolution: Duration::from_micros(100),
            buckets: 10,
        }
    }
}

impl PollTimes {
    /// The buckets, if polls are to be measured.
    pub(crate) fn scale(&self) -> Option<Scale> {
        if !self.enabled {
            return None;
        }
        let count = self.buckets;
        let width = nanoseconds(self.resolution);
        Some(match (&self.configuration, self.growth) {
            (Some(configuration), _) => configuration.scale.clone(),
            (None, HistogramScale::Linear) => Scale::Linear { width, count },
            (None, HistogramScale::Log) => Scale::Doubling {
                first: width.checked_next_power_of_two().unwrap_or(u64::MAX),
                count,
            },
        })
    }
}

/// Counts of times by bucket.
pub(crate) struct Histogram {
    scale: Scale,
    buckets: Box<[AtomicU64]>,
}

impl Histogram {
    pub(crate) fn new(scale: &Scale) -> Self {
        Self {
            scale: scale.clone(),
            buckets: (0..scale.count()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn record(&self, duration: Duration) {
        if !self.buckets.is_empty() {
            let bucket = self.scale.bucket_of(nanoseconds(duration));
            // An addition that cannot be lost: a task that blocked in place may end when another
            // thread has its worker. Two looks at the clock have cost more. Relaxed: only a count.
            self.buckets[bucket].fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn get(&self, bucket: usize) -> u64 {
        self.buckets[bucket].load(Relaxed)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(rt_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begins(scale: &Scale) -> Vec<u64> {
        (0..scale.count())
            .map(|bucket| scale.begin(bucket))
            .collect()
    }

    fn log(precision: u32, min: u64, max: u64) -> LogHistogram {
        LogHistogram::builder()
            .precision_exact(precision)
            .min_value(Duration::from_nanos(min))
            .max_value(Duration::from_nanos(max))
            .build()
    }

    #[test]
    fn the_buckets_are_those_of_tokio() {
        assert_eq!(
            begins(&Scale::Log(log(0, 100, 1_000))),
            [0, 64, 128, 256, 512, 1_024]
        );
        assert_eq!(
            begins(&Scale::Log(log(1, 100, 1_000))),
            [0, 96, 128, 192, 256, 384, 512, 768, 1_024]
        );
        // A longest time that is the beginning of a bucket.
        assert_eq!(
            begins(&Scale::Log(log(0, 100, 1_024))),
            [0, 64, 128, 256, 512, 1_024]
        );
        assert_eq!(LogHistogram::default().count, 119);
        assert_eq!(LogHistogram::default().max_value(), 60_129_542_144);
        assert_eq!(
            LogHistogram::builder()
                .min_value(Duration::ZERO)
                .build()
                .count,
            140
        );
        for (error, count) in [(0.9, 119), (0.25, 119), (0.125, 236), (0.05, 936)] {
            assert_eq!(
                LogHistogram::builder().max_error(error).build().count,
                count
            );
        }
        let error = LogHistogram::builder().max_buckets(118).unwrap_err();
        assert!(error.to_string().contains("119"));
        assert!(LogHistogram::builder().max_buckets(119).is_ok());
        let doubling = Scale::Doubling {
            first: 131_072,
            count: 5,
        };
        assert_eq!(begins(&doubling), [0, 131_072, 262_144, 524_288, 1_048_576]);
    }

    #[test]
    fn extremes_overflow_nothing() {
        for histogram in [
            log(0, 0, u64::MAX),
            log(10, 1, u64::MAX),
            log(2, u64::MAX, 1),
            log(0, 0, 1),
        ] {
            let scale = Scale::Log(histogram);
            assert_eq!(scale.bucket_of(0), 0);
            assert!(scale.bucket_of(u64::MAX) < scale.count());
            let _ = scale.range(scale.count() - 1);
            assert!(begins(&scale).is_sorted());
        }
        for scale in [
            HistogramConfiguration::linear(Duration::MAX, 3).scale,
            HistogramConfiguration::linear(Duration::ZERO, 3).scale,
            Scale::Doubling {
                first: u64::MAX,
                count: 200,
            },
        ] {
            assert!(scale.bucket_of(u64::MAX) < scale.count());
            let _ = begins(&scale);
        }
        Histogram::new(&HistogramConfiguration::linear(Duration::ZERO, 0).scale)
            .record(Duration::MAX);
    }

    proptest! {
        #[test]
        fn every_time_is_in_the_range_of_its_bucket(
            time in any::<u64>().prop_flat_map(|bits| (0..64_u32).prop_map(move |shift| bits >> shift)),
            which in 0..3,
        ) {
            let scale = match which {
                0 => Scale::Linear { width: 100_000, count: 10 },
                1 => Scale::Doubling { first: 65_536, count: 8 },
                _ => Scale::Log(LogHistogram::default()),
            };
            let range = scale.range(scale.bucket_of(time));
            let time = Duration::from_nanos(time);
            prop_assert!(range.start <= time && (time < range.end || range.end == Duration::from_nanos(u64::MAX)));
        }
    }
}
