//! Read the planned split of traffic that the command line gives: `50/50`, or `a=50%,b=50%`.

use crate::experiment::Experiment;
use crate::quantity::Share;

/// Sets the planned split of an experiment from its text.
///
/// # Errors
/// When the text is no split, names an arm that the experiment does not have, or does not sum to
/// 100%.
pub fn set_split(experiment: &mut Experiment, text: &str) -> Result<(), String> {
    let arms: Vec<&str> =
        experiment.treatments.iter().map(|treatment| treatment.variation.as_str()).collect();
    let example = || {
        let even = format!("{}%", 100 / arms.len().max(1));
        arms.iter().map(|arm| format!("{arm}={even}")).collect::<Vec<_>>().join(",")
    };
    let mut shares = vec![None; arms.len()];
    if text.contains('=') {
        for part in text.split(',') {
            let (arm, share) = part.rsplit_once('=').ok_or_else(|| {
                format!("expected ARM=SHARE, found `{part}`; write {}", example())
            })?;
            let own = arms.iter().zip(&mut shares).find(|(own, _)| **own == arm.trim());
            let (_, place) = own.ok_or_else(|| {
                format!(
                    "`{}` has no arm `{}`; its arms are {}",
                    experiment.key,
                    arm.trim(),
                    arms.join(", ")
                )
            })?;
            if place.replace(share_of(share)?).is_some() {
                return Err(format!("the arm `{}` is given twice", arm.trim()));
            }
        }
    } else {
        let parts: Vec<&str> = text.split(['/', ':', ',']).collect();
        if parts.len() != arms.len() {
            let (own, given) = (arms.len(), parts.len());
            return Err(format!(
                "`{}` has {own} arms ({}), the split has {given} shares; write {}",
                experiment.key,
                arms.join(", "),
                example()
            ));
        }
        for (share, part) in shares.iter_mut().zip(parts) {
            *share = Some(share_of(part)?);
        }
    }
    if let Some((arm, _)) = arms.iter().zip(&shares).find(|(_, share)| share.is_none()) {
        return Err(format!(
            "the split leaves out the arm `{arm}` of `{}`; write {}",
            experiment.key,
            example()
        ));
    }
    let sum: u64 = shares.iter().flatten().map(|share| u64::from(share.weight())).sum();
    // 33/33/34 sums exactly; thirds written to two digits do not, and mean thirds.
    if sum.abs_diff(u64::from(Share::WHOLE.weight())) > 100 {
        return Err(format!("the shares sum to {}%, expected 100%", sum as f64 / 1e3));
    }
    for (treatment, share) in experiment.treatments.iter_mut().zip(shares.into_iter().flatten()) {
        treatment.share = share;
    }
    Ok(())
}

/// A share, with or without its percent sign.
fn share_of(text: &str) -> Result<Share, String> {
    let text = text.trim();
    let with_sign = if text.ends_with('%') { text.to_owned() } else { format!("{text}%") };
    with_sign
        .parse()
        .map_err(|_| format!("expected a share such as 50% (0% to 100%), found `{text}`"))
}
