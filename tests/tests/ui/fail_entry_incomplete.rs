// Half-written code reaches the compiler, which says what is missing where.
#[runtime::main]
async fn main() {
    let text = String::new();
    text.
}

#[runtime::main(flavor = "fas")]
async fn in_both_places() {
    let x: u32 = "text";
}
