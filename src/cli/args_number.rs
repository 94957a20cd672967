//! How numbers on the command line are read: a wrong one is told with the range that is allowed.

use std::ops::RangeInclusive;

use crate::figure;

/// Reads a whole number in a range.
pub(super) fn whole<N>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static
where
    N: Clone + TryFrom<u64> + Send + Sync + 'static,
{
    move |text: &str| {
        let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
            let (least, most) = (figure::count(*range.start()), figure::count(*range.end()));
            format!("expected a whole number from {least} to {most}")
        })
    }
}
