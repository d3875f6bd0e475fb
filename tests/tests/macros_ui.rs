//! What the compiler says when the macros are used wrongly, and where it says so.
//!
//! Run with `TRYBUILD=overwrite` to write the expected messages anew after a change of the compiler;
//! look at the difference before it is committed.

#[test]
fn wrong_programs_are_refused_at_the_users_tokens() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass_*.rs");
    cases.compile_fail("tests/ui/fail_*.rs");
}
