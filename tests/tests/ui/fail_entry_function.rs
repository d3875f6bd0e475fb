#[runtime::main]
fn not_async() {}

#[runtime::test]
fn test_not_async() {}

#[runtime::main(flavor = "fast")]
fn not_async_and_a_wrong_argument() {}

#[runtime::main]
async fn no_body();

#[runtime::main]
struct NoFunction;

#[runtime::test]
#[test]
async fn two_tests() {}

#[runtime::test]
#[core::prelude::v1::test]
async fn two_tests_by_path() {}

#[runtime::test]
#[std::prelude::rust_2024::test]
async fn two_tests_by_path_of_std() {}

#[runtime::main]
async fn main(argument: u32) {}
