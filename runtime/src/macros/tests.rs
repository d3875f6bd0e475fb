use runtime_base::driving::block_on;
use std::future::{pending, ready};
#[test]
fn smoke() {
    block_on(async {
        let r = crate::select! {
            x = ready(1) => x,
            Some(ref y) = pending::<Option<u32>>(), if false => { *y }
            else => 5
        };
        assert_eq!(r, 1);
        let (a, b) = crate::join!(ready(1), async { "x" });
        assert_eq!((a, b), (1, "x"));
        let r: Result<(u32, u32), u8> = crate::try_join!(ready(Ok(1)), async { Err(3u8) });
        assert_eq!(r, Err(3));
    })
}
