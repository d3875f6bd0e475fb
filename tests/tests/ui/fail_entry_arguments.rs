#[runtime::main(flavor = "multi_threaded")]
async fn unknown_flavor() {}

#[runtime::main(flavor = "local", worker_threads = 2)]
async fn local_flavor() {}

#[runtime::main(flavor = "threaded_scheduler")]
async fn old_flavor() {}

#[runtime::main(flavor = 4)]
async fn flavor_is_no_string() {}

#[runtime::main(threaded_scheduler)]
async fn flavor_without_its_name() {}

#[runtime::main(start_paused)]
async fn no_value() {}

#[runtime::main(core_threads = 4)]
async fn old_name() {}

#[runtime::main(colour = "red")]
async fn unknown_argument() {}

#[runtime::main(worker_threads = 0)]
async fn no_workers() {}

#[runtime::main(worker_threads = "two")]
async fn workers_are_no_number() {}

#[runtime::main(worker_threads = 99999999999999999999999)]
async fn too_many_workers() {}

#[runtime::main(worker_threads = 1 + 1)]
async fn workers_are_no_literal() {}

#[runtime::main(flavor = "current_thread", worker_threads = 4)]
async fn workers_of_one_thread() {}

#[runtime::test(worker_threads = 4)]
async fn workers_of_one_thread_by_default() {}

#[runtime::main(start_paused = true)]
async fn paused_threads() {}

#[runtime::test(flavor = "multi_thread", start_paused = true)]
async fn paused_threads_in_a_test() {}

#[runtime::test(start_paused = 1)]
async fn paused_is_no_boolean() {}

#[runtime::main(unhandled_panic = "ignore")]
async fn unhandled_panic_on_threads() {}

#[runtime::test(unhandled_panic = "explode")]
async fn unknown_behaviour() {}

#[runtime::test(flavor = "current_thread", flavor = "multi_thread")]
async fn twice() {}

#[runtime::test(crate = "not a path")]
async fn no_path() {}

#[runtime::main(crate = "no_such_crate")]
async fn no_crate() {}

#[runtime::test(name = 7)]
async fn name_is_no_string() {}

#[runtime::test(flavor = )]
async fn half_an_argument() {}

// Each mistake is reported, not only the first.
#[runtime::main(flavor = "fast", worker_threads = 0, colour = 1, worker_threads = 2)]
async fn four_mistakes() {}

#[runtime::main(local)]
async fn local_without_a_name() {}

fn main() {}
