#[runtime::main]
async fn wrong_value() -> Result<(), u8> {
    async {}.await;
    Ok(5)
}

#[runtime::main]
async fn value_of_nothing() {
    "text"
}

#[runtime::main]
async fn with_an_argument(number: u32) -> String {
    number
}

#[runtime::main]
async fn missing_value(_: u32) -> Result<(), u8> {
    async {}.await;
}

#[runtime::main]
async fn wrong_return(number: u32) -> Result<u32, Box<dyn std::error::Error>> {
    if number > 5 {
        return Err("large".into());
    }
    if number > 4 {
        return "large";
    }
    Ok(number)
}

#[runtime::main]
async fn unexpected_question_mark(text: &str) {
    text.parse::<u32>()?;
}

mod in_main {
    #[runtime::main]
    async fn main() -> Result<(), u8> {
        if std::env::args().len() > 5 {
            return Err("text");
        }
        let x: u32 = "text";
        Ok(())
    }
}

mod question_mark {
    #[runtime::main]
    async fn main() {
        let number: u8 = "7".parse()?;
        unknown(number);
    }
}

mod tail {
    #[runtime::main]
    async fn main() {
        5
    }
}

mod wrong_tail {
    #[runtime::main]
    async fn main() -> Result<(), u8> {
        match 5 {
            5 => Ok(()),
            _ => "text",
        }
    }
}

fn main() {}
