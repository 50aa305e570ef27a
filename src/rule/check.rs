//! Types: an expression that compares text with a number, or a setting with a value it can't have, doesn't load.

use crate::facts::field::{Field, Type};
use crate::facts::value::Value;

use super::expr::{Expr, Func, Node, Op};
use super::nearest::unknown;
use super::parse::Scope;
use super::token::ExprError;

const ANY: Type = Type { null: true, boolean: true, integer: true, float: true, text: true, list: true, any: true };
const NONE: Type =
    Type { null: false, boolean: false, integer: false, float: false, text: false, list: false, any: false };
const BOOL: Type = Type { boolean: true, ..NONE };
const NUMBER: Type = Type { integer: true, float: true, null: true, ..NONE };
const TEXT: Type = Type { text: true, ..NONE };

/// Checks the whole tree and gives its type.
///
/// # Errors
/// An operand that can never have the type its operator needs; a literal that is no choice of the setting beside it.
pub fn check(expr: &Expr, scope: Scope<'_>) -> Result<Type, ExprError> {
    match &expr.node {
        Node::Const(value) => Ok(type_of(value)),
        Node::Field(id) => Ok(scope.catalogue.field(*id).kind),
        Node::Var(_) => Ok(ANY),
        Node::Not(inner) => check(inner, scope).map(|_| BOOL),
        Node::Negate(inner) => number(inner, scope),
        Node::Binary(op, left, right) => binary(*op, left, right, scope),
        Node::Choose(condition, then, otherwise) => {
            check(condition, scope)?;
            Ok(union(check(then, scope)?, check(otherwise, scope)?))
        }
        Node::Call(function, arguments) => call(*function, arguments, scope),
        Node::Quantifier(_, list, body) => {
            let kind = check(list, scope)?;
            if !kind.list && !kind.any {
                return Err(ExprError::new(list.span, "`all` and `exists` need a list; wrap a scalar in as_list()"));
            }
            check(body, scope).map(|_| BOOL)
        }
        Node::Matches(inner, _) => text(inner, scope).map(|()| BOOL),
        Node::Has(_) | Node::Explicit(_) | Node::Since(_) | Node::VersionBefore(..) => Ok(BOOL),
        Node::AsList(_) => Ok(Type { list: true, ..NONE }),
        Node::Env(_) => Ok(Type { null: true, ..TEXT }),
        Node::EnvInt(..) => Ok(NUMBER),
        Node::Backend(_) => Ok(TEXT),
    }
}

fn binary(op: Op, left: &Expr, right: &Expr, scope: Scope<'_>) -> Result<Type, ExprError> {
    match op {
        Op::And | Op::Or => {
            check(left, scope)?;
            check(right, scope)?;
            Ok(BOOL)
        }
        Op::Equal | Op::NotEqual => {
            let (one, two) = (check(left, scope)?, check(right, scope)?);
            if !overlap(one, two) {
                return Err(ExprError::new(right.span, "the two sides can never be equal: their types differ"));
            }
            choices(left, right, scope)?;
            choices(right, left, scope)?;
            Ok(BOOL)
        }
        Op::In => {
            check(left, scope)?;
            let kind = check(right, scope)?;
            if !kind.list && !kind.text && !kind.any {
                return Err(ExprError::new(right.span, "`in` needs a list on its right"));
            }
            choices(left, right, scope)?;
            items(left, right, scope)?;
            Ok(BOOL)
        }
        Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            number(left, scope)?;
            number(right, scope)?;
            Ok(BOOL)
        }
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Modulo => {
            number(left, scope)?;
            number(right, scope)
        }
    }
}

fn call(function: Func, arguments: &[Expr], scope: Scope<'_>) -> Result<Type, ExprError> {
    for argument in arguments {
        match function {
            Func::Size | Func::Type | Func::Sum | Func::Last | Func::Count => drop(check(argument, scope)?),
            Func::StartsWith => text(argument, scope)?,
            Func::RoundUp | Func::Min | Func::Max | Func::Floor => drop(number(argument, scope)?),
        }
    }
    Ok(match function {
        Func::StartsWith => BOOL,
        Func::Type => TEXT,
        Func::Last => ANY,
        _ => NUMBER,
    })
}

fn number(expr: &Expr, scope: Scope<'_>) -> Result<Type, ExprError> {
    let kind = check(expr, scope)?;
    if kind.integer || kind.float || kind.boolean || kind.any {
        Ok(NUMBER)
    } else {
        Err(ExprError::new(expr.span, "this needs to be a number"))
    }
}

fn text(expr: &Expr, scope: Scope<'_>) -> Result<(), ExprError> {
    let kind = check(expr, scope)?;
    if kind.text || kind.any { Ok(()) } else { Err(ExprError::new(expr.span, "this needs to be text")) }
}

/// Every text literal in `literals` must be a choice of the enumeration `field`.
fn choices(field: &Expr, literals: &Expr, scope: Scope<'_>) -> Result<(), ExprError> {
    if let Node::Field(id) = &field.node {
        let field = scope.catalogue.field(*id);
        return all_known(&field.choices, field, literals);
    }
    Ok(())
}

/// `"moe" in recompute_modules`: the literal must be one of the list's legal items.
fn items(literal: &Expr, list: &Expr, scope: Scope<'_>) -> Result<(), ExprError> {
    if let Node::Field(id) | Node::AsList(id) = &list.node {
        let field = scope.catalogue.field(*id);
        let known = if field.item_choices.is_empty() { &field.choices } else { &field.item_choices };
        return all_known(known, field, literal);
    }
    Ok(())
}

fn all_known(
    choices: &[(String, crate::facts::release::ReleaseSet)],
    field: &Field,
    literals: &Expr,
) -> Result<(), ExprError> {
    if choices.is_empty() {
        return Ok(());
    }
    let values = match &literals.node {
        Node::Const(Value::List(items)) => items.as_slice(),
        Node::Const(value) => std::slice::from_ref(value),
        _ => return Ok(()),
    };
    for value in values {
        if let Value::Str(text) = value
            && !choices.iter().any(|(choice, _)| choice == text)
        {
            let known = choices.iter().map(|(choice, _)| choice.as_str());
            return Err(unknown(&format!("value of {}", field.name), text, literals.span, known));
        }
    }
    Ok(())
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type { null: true, ..NONE },
        Value::Bool(_) => BOOL,
        Value::Int(_) => Type { integer: true, ..NONE },
        Value::Float(_) => Type { float: true, ..NONE },
        Value::Str(_) => TEXT,
        Value::List(_) => Type { list: true, ..NONE },
    }
}

const fn union(one: Type, two: Type) -> Type {
    Type {
        null: one.null || two.null,
        boolean: one.boolean || two.boolean,
        integer: one.integer || two.integer,
        float: one.float || two.float,
        text: one.text || two.text,
        list: one.list || two.list,
        any: one.any || two.any,
    }
}

const fn overlap(one: Type, two: Type) -> bool {
    one.any
        || two.any
        || one.null
        || two.null
        || (one.text && two.text)
        || (one.list && two.list)
        || ((one.integer || one.float || one.boolean) && (two.integer || two.float || two.boolean))
}
