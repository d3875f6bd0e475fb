//! What the builder says about measurements that cost something.

use std::time::Duration;

use super::Builder;
use crate::runtime::{HistogramConfiguration, HistogramScale};

impl Builder {
    /// Measures how long each poll of a task takes, and sorts the times into buckets; see
    /// [`poll_time_histogram_bucket_count`](crate::runtime::RuntimeMetrics::poll_time_histogram_bucket_count).
    /// It costs two looks at the clock for each poll. By default there are ten buckets of 100
    /// microseconds.
    pub fn enable_metrics_poll_time_histogram(&mut self) -> &mut Self {
        self.poll_times.enabled = true;
        self
    }

    /// The former name of
    /// [`enable_metrics_poll_time_histogram`](Self::enable_metrics_poll_time_histogram).
    #[doc(hidden)]
    #[deprecated = "Renamed to enable_metrics_poll_time_histogram"]
    pub fn enable_metrics_poll_count_histogram(&mut self) -> &mut Self {
        self.enable_metrics_poll_time_histogram()
    }

    /// The buckets of
    /// [`enable_metrics_poll_time_histogram`](Self::enable_metrics_poll_time_histogram).
    ///
    /// ```
    /// use std::time::Duration;
    /// use runtime::runtime::{Builder, HistogramConfiguration};
    ///
    /// let runtime = Builder::new_current_thread()
    ///     .enable_metrics_poll_time_histogram()
    ///     .metrics_poll_time_histogram_configuration(HistogramConfiguration::linear(
    ///         Duration::from_micros(10),
    ///         50,
    ///     ))
    ///     .build()?;
    /// assert_eq!(runtime.metrics().poll_time_histogram_num_buckets(), 50);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics_poll_time_histogram_configuration(
        &mut self,
        configuration: HistogramConfiguration,
    ) -> &mut Self {
        self.poll_times.configuration = Some(configuration);
        self
    }

    /// Measures how long each task waits between the moment it is woken or spawned and its poll, for
    /// [`TaskMeta::schedule_latency`](crate::runtime::TaskMeta::schedule_latency) in the hooks around a
    /// poll. It costs a look at the clock for each wake and for each poll.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// let measured = Arc::new(AtomicBool::new(false));
    /// let seen = measured.clone();
    /// let runtime = runtime::Builder::new_current_thread()
    ///     .track_task_schedule_latency()
    ///     .on_before_task_poll(move |task| {
    ///         seen.store(task.schedule_latency().is_some(), Relaxed);
    ///     })
    ///     .build()?;
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert!(measured.load(Relaxed));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn track_task_schedule_latency(&mut self) -> &mut Self {
        self.settings.track_latencies();
        self
    }

    /// Measures as [`track_task_schedule_latency`](Self::track_task_schedule_latency), and sorts the
    /// times into buckets; see
    /// [`schedule_latency_histogram_bucket_count`](crate::runtime::RuntimeMetrics::schedule_latency_histogram_bucket_count).
    /// By default there are ten buckets of 100 microseconds.
    pub fn enable_metrics_schedule_latency_histogram(&mut self) -> &mut Self {
        self.schedule_latencies.enabled = true;
        self
    }

    /// The buckets of
    /// [`enable_metrics_schedule_latency_histogram`](Self::enable_metrics_schedule_latency_histogram).
    pub fn metrics_schedule_latency_histogram_configuration(
        &mut self,
        configuration: HistogramConfiguration,
    ) -> &mut Self {
        self.schedule_latencies.configuration = Some(configuration);
        self
    }

    /// How the width of buckets grows. Better use
    /// [`metrics_poll_time_histogram_configuration`](Self::metrics_poll_time_histogram_configuration),
    /// which this method has no influence on.
    pub fn metrics_poll_count_histogram_scale(&mut self, scale: HistogramScale) -> &mut Self {
        self.poll_times.growth = scale;
        self
    }

    /// The width of the first bucket; on a logarithmic scale it is rounded up to a power of two of
    /// nanoseconds. Better use
    /// [`metrics_poll_time_histogram_configuration`](Self::metrics_poll_time_histogram_configuration),
    /// which this method has no influence on.
    ///
    /// # Panics
    ///
    /// With zero.
    #[track_caller]
    pub fn metrics_poll_count_histogram_resolution(&mut self, resolution: Duration) -> &mut Self {
        assert!(
            !resolution.is_zero(),
            "the resolution must be greater than 0; the default is 100 microseconds"
        );
        self.poll_times.resolution = resolution;
        self
    }

    /// How many buckets there are. Better use
    /// [`metrics_poll_time_histogram_configuration`](Self::metrics_poll_time_histogram_configuration),
    /// which this method has no influence on.
    pub fn metrics_poll_count_histogram_buckets(&mut self, buckets: usize) -> &mut Self {
        self.poll_times.buckets = buckets;
        self
    }
}
