//! Writes the client and the server of one service, from the description below: no protoc is needed.

use tonic_build::manual::{Builder, Method, Service};

fn method(name: &str, route: &str) -> tonic_build::manual::MethodBuilder {
    Method::builder()
        .name(name)
        .route_name(route)
        .input_type("crate::messages::Number")
        .output_type("crate::messages::Number")
        .codec_path("tonic_prost::ProstCodec")
}

fn main() {
    let service = Service::builder()
        .name("Numbers")
        .package("ecosystem")
        .method(method("double", "Double").build())
        .method(method("count", "Count").server_streaming().build())
        .method(method("add", "Add").client_streaming().build())
        .method(
            method("squares", "Squares")
                .client_streaming()
                .server_streaming()
                .build(),
        )
        .build();
    Builder::new().compile(&[service]);
}
