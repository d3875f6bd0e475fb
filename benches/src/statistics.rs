//! Medians, other quantiles, and the geometric mean.

/// The value below which `share` of the values lie, between neighbours by proportion.
///
/// # Panics
///
/// If there are no values.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    assert!(!values.is_empty(), "no values: run at least one round");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = share * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

/// The middle of the values.
///
/// # Panics
///
/// If there are no values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Half the distance between the smallest value and the largest.
///
/// # Panics
///
/// If there are no values.
#[must_use]
pub fn half_range(values: &[f64]) -> f64 {
    (quantile(values, 1.0) - quantile(values, 0.0)) / 2.0
}

/// The mean for ratios: of 2 and 0.5 it is 1.
///
/// # Panics
///
/// If there are no values.
#[must_use]
pub fn geometric_mean(ratios: &[f64]) -> f64 {
    assert!(!ratios.is_empty(), "no ratios: run at least one row");
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
    }

    #[test]
    fn the_range_goes_from_the_smallest_to_the_largest() {
        assert_eq!(half_range(&[3.0, 1.0, 1.5]), 1.0);
        assert_eq!(half_range(&[5.0]), 0.0);
    }

    #[test]
    fn the_geometric_mean_of_a_ratio_and_its_inverse_is_one() {
        assert!((geometric_mean(&[4.0, 0.25]) - 1.0).abs() < 1e-12);
    }
}
