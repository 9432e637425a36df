//! How wide the columns of a printed table are, and which of them stand side by side: no word is ever cut in two.

/// The key columns that are repeated where a table is too wide for the page and goes on below.
const KEYS: usize = 2;

/// The columns that fit side by side, each part of a table that is too wide beginning with its first columns: those of
/// `keys`, at most [`KEYS`]. `least` is what the longest word of each column needs, in points.
#[must_use]
pub fn parts(least: &[f32], keys: usize, width: f32) -> Vec<Vec<usize>> {
    let keys = keys.min(KEYS).min(least.len());
    let need = |columns: &[usize]| columns.iter().filter_map(|at| least.get(*at)).sum::<f32>();
    let first: Vec<usize> = (0..keys).collect();
    let mut parts = vec![first.clone()];
    for at in keys..least.len() {
        let Some(part) = parts.last_mut() else { break };
        part.push(at);
        if need(part) > width && part.len() > keys + 1 {
            part.pop();
            parts.push([first.as_slice(), &[at]].concat());
        }
    }
    parts
}

/// The width of each column: what its weight wishes, and never less than its longest word needs where all fit.
#[must_use]
pub fn widths(least: &[f32], weights: &[f32], width: f32) -> Vec<f32> {
    let total = weights.iter().sum::<f32>().max(1.0);
    let wished = |weight: &f32| weight / total * width;
    let spare: Vec<f32> = least.iter().zip(weights).map(|(least, weight)| (wished(weight) - least).max(0.0)).collect();
    let wanted: f32 = least.iter().zip(&spare).map(|(least, spare)| least + spare).sum();
    // What the narrow columns need beyond their wish, the others give, by what they have to spare.
    let given = ((wanted - width) / spare.iter().sum::<f32>().max(1.0)).clamp(0.0, 1.0);
    least.iter().zip(&spare).map(|(least, spare)| least + spare * (1.0 - given)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_too_wide_goes_on_below_with_its_keys() {
        assert_eq!(parts(&[30.0; 6], 2, 130.0), [vec![0, 1, 2, 3], vec![0, 1, 4, 5]]);
        assert_eq!(parts(&[30.0; 4], 2, 130.0), [vec![0, 1, 2, 3]]);
        assert_eq!(parts(&[200.0, 10.0], 1, 130.0), [vec![0, 1]], "a single word wider than the page has to be cut");
        assert_eq!(parts(&[], 0, 130.0), [Vec::<usize>::new()]);
    }

    #[test]
    fn the_longest_word_fits_and_the_rest_goes_by_weight() {
        assert_eq!(widths(&[10.0, 10.0], &[1.0, 3.0], 100.0), [25.0, 75.0]);
        assert_eq!(widths(&[40.0, 10.0], &[1.0, 3.0], 100.0), [40.0, 60.0]);
        let tight = widths(&[50.0, 40.0, 10.0], &[1.0, 1.0, 8.0], 100.0);
        assert!(tight.iter().zip([50.0, 40.0, 10.0]).all(|(found, least)| (found - least).abs() < 0.01), "{tight:?}");
    }
}
