//! Clauses and rules: what segments and targeting have in common.
//!
//! Guarantees: a rule has an id for life; instructions that name an unknown rule or clause are
//! refused.
//!
//! Does not know: what a matching rule serves.

use serde_json::{Value, json};

use super::body::Fields;
use super::ids::IdGenerator;
use crate::flags::api::ApiError;

/// The comparisons that an SDK knows.
const OPERATORS: [&str; 15] = [
    "in",
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "lessThan",
    "lessThanOrEqual",
    "greaterThan",
    "greaterThanOrEqual",
    "before",
    "after",
    "segmentMatch",
    "semVerEqual",
    "semVerLessThan",
    "semVerGreaterThan",
];

/// One condition.
#[derive(Clone, Debug)]
pub struct Clause {
    id: String,
    context_kind: String,
    attribute: String,
    op: String,
    values: Vec<Value>,
    negate: bool,
}

impl Clause {
    /// Reads a clause; without `negate` it is not negated, without a context kind it is about
    /// users.
    pub fn read(value: &Value, id: String) -> Result<Self, ApiError> {
        let fields = Fields::of(value)?;
        let op = fields.text("op")?;
        if !OPERATORS.contains(&op) {
            return Err(ApiError::invalid(format!("`{op}` is not an operator")));
        }
        let attribute = fields.optional_text("attribute")?.unwrap_or_default();
        if attribute.is_empty() && op != "segmentMatch" {
            return Err(ApiError::invalid("`attribute` is required"));
        }
        Ok(Self {
            id,
            context_kind: fields.optional_text("contextKind")?.unwrap_or("user").to_owned(),
            attribute: attribute.to_owned(),
            op: op.to_owned(),
            values: fields.list("values")?.to_vec(),
            negate: fields.flag("negate", false)?,
        })
    }

    /// As the REST interface shows it.
    pub fn rest(&self) -> Value {
        json!({ "_id": self.id, "id": self.id, "attribute": self.attribute, "op": self.op, "values": self.values,
            "contextKind": self.context_kind, "negate": self.negate })
    }

    /// As an SDK receives it.
    pub fn sdk(&self) -> Value {
        json!({ "contextKind": self.context_kind, "attribute": self.attribute, "op": self.op, "values": self.values, "negate": self.negate })
    }
}

/// A rule, and what it leads to.
#[derive(Clone, Debug)]
pub struct TargetingRule<T> {
    /// For life.
    pub id: String,
    /// For people.
    pub description: Option<String>,
    /// All must hold.
    pub clauses: Vec<Clause>,
    /// What it leads to.
    pub outcome: T,
}

impl<T> TargetingRule<T> {
    /// Reads `clauses` and `description` of an instruction.
    pub fn read(
        fields: Fields<'_>,
        outcome: T,
        mint: &mut IdGenerator<'_>,
    ) -> Result<Self, ApiError> {
        let id = mint.id();
        let clauses = fields
            .list("clauses")?
            .iter()
            .map(|clause| Clause::read(clause, mint.id()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            id,
            description: fields.optional_text("description")?.map(str::to_owned),
            clauses,
            outcome,
        })
    }
}

/// Applies an instruction about rules and clauses. False: it is none of these.
pub fn edit<T>(
    rules: &mut Vec<TargetingRule<T>>,
    kind: &str,
    fields: Fields<'_>,
    mint: &mut IdGenerator<'_>,
) -> Result<bool, ApiError> {
    match kind {
        "removeRule" => {
            let id = fields.text("ruleId")?;
            rules.retain(|rule| rule.id != id);
        }
        "reorderRules" => {
            let ids = fields.texts("ruleIds")?;
            let place = |rule: &TargetingRule<T>| ids.iter().position(|id| *id == rule.id);
            if ids.len() != rules.len() || rules.iter().any(|rule| place(rule).is_none()) {
                return Err(ApiError::invalid("`ruleIds` must list every rule once"));
            }
            rules.sort_by_key(|rule| place(rule));
        }
        "updateRuleDescription" => {
            rule(rules, fields)?.description = Some(fields.text("description")?.to_owned())
        }
        "addClauses" => {
            let added: Vec<Clause> = fields
                .list("clauses")?
                .iter()
                .map(|clause| Clause::read(clause, mint.id()))
                .collect::<Result<_, _>>()?;
            rule(rules, fields)?.clauses.extend(added);
        }
        "removeClauses" => {
            let ids = fields.texts("clauseIds")?;
            rule(rules, fields)?.clauses.retain(|clause| !ids.contains(&clause.id));
        }
        "updateClause" => {
            let clause = clause(rule(rules, fields)?, fields)?;
            let value =
                fields.get("clause").ok_or_else(|| ApiError::invalid("`clause` is required"))?;
            *clause = Clause::read(value, clause.id.clone())?;
        }
        "addValuesToClause" => {
            let clause = clause(rule(rules, fields)?, fields)?;
            for value in fields.list("values")? {
                if !clause.values.contains(value) {
                    clause.values.push(value.clone());
                }
            }
        }
        "removeValuesFromClause" => {
            let removed = fields.list("values")?;
            clause(rule(rules, fields)?, fields)?.values.retain(|value| !removed.contains(value));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The rule that `ruleId` names.
pub fn rule<'a, T>(
    rules: &'a mut [TargetingRule<T>],
    fields: Fields<'_>,
) -> Result<&'a mut TargetingRule<T>, ApiError> {
    let id = fields.text("ruleId")?;
    rules
        .iter_mut()
        .find(|rule| rule.id == id)
        .ok_or_else(|| ApiError::invalid(format!("there is no rule `{id}`")))
}

fn clause<'a, T>(
    rule: &'a mut TargetingRule<T>,
    fields: Fields<'_>,
) -> Result<&'a mut Clause, ApiError> {
    let id = fields.text("clauseId")?;
    rule.clauses
        .iter_mut()
        .find(|clause| clause.id == id)
        .ok_or_else(|| ApiError::invalid(format!("there is no clause `{id}`")))
}
