use std::num::ParseIntError;

#[runtime::main]
async fn main() -> Result<(), ParseIntError> {
    let number: u8 = "7".parse()?;
    println!("{number}");
}
