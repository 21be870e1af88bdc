"""CREATE FUNCTION, DROP FUNCTION, SHOW FUNCTIONS and DESCRIBE FUNCTION."""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.catalog.objects import Column, Function
from local_warehouse.catalog.securables import MANAGE, Securable, schema_securable, securable_of
from local_warehouse.context import Context
from local_warehouse.errors import EngineEnded, SqlError, routine_not_found, unsupported
from local_warehouse.result import NOTHING, TEXT, Result, rows
from local_warehouse.sql.expand import inline
from local_warehouse.sql.parsing import Words, parse, parse_expression, text_of, type_name
from local_warehouse.sql.template import DIALECT, Markers
from local_warehouse.statements.bind import bind

from .show import matches, pattern, within


def create(words: Words, context: Context) -> Result:
    tree = parse(context.sql)
    if not isinstance(tree, exp.Create) or not isinstance(tree.expression, exp.Return):
        raise unsupported("functions that are not scalar SQL expressions")
    path = context.resolver.parts(tree.this.this)
    schema = context.catalog.schema(*path[:2])
    context.access.require("CREATE FUNCTION", schema_securable(*path[:2]))
    existing = schema.functions.get(path[2])
    if existing is not None:
        if tree.args.get("exists"):
            return NOTHING
        if not tree.args.get("replace"):
            raise _exists(existing)
        context.access.require(MANAGE, securable_of(existing))
    function = _read(tree, path, context)
    if existing is not None:
        function.owner, function.grants = existing.owner, existing.grants
    _require_free_name(function.name, context)
    _require_computable(function, context)
    with context.catalog.changing():
        schema.functions[function.name] = function
    return NOTHING


def _read(tree: exp.Create, path: tuple[str, str, str], context: Context) -> Function:
    body = tree.expression.this
    if body.find(exp.Placeholder):
        raise unsupported("parameter markers in a function's body")
    namespace = context.session.namespace
    parameters = [_parameter(item) for item in tree.this.expressions]
    function = Function(
        *path,
        parameters=parameters,
        returns="",
        body=body.sql(dialect=DIALECT),
        owner=context.session.user,
        namespace=[namespace.catalog, namespace.schema],
    )
    for item in tree.args["properties"].expressions if tree.args.get("properties") else ():
        if isinstance(item, exp.ReturnsProperty) and isinstance(item.this, exp.DataType):
            function.returns = type_name(item.this)
        elif isinstance(item, exp.SchemaCommentProperty):
            function.comment = text_of(item.this)
        elif not isinstance(item, exp.StabilityProperty):
            raise unsupported(f"the function option {item.sql(dialect=DIALECT)}")
    if not function.returns:
        raise unsupported("functions that do not say which type they return")
    return function


def _parameter(item: exp.Expr) -> Column:
    if not isinstance(item, exp.ColumnDef) or item.constraints:
        raise unsupported(f"the parameter {item.sql(dialect=DIALECT)}")
    return Column(item.name, type_name(item.args["kind"]))


def _require_free_name(name: str, context: Context) -> None:
    """Raise SqlError if a built-in function has the name, because a call without a schema would
    call that one.
    """
    try:
        if isinstance(parse_expression(f"`{name}`()"), exp.Anonymous):
            context.engine.run(f"SELECT `{name}`()")
    except EngineEnded:
        raise
    except SqlError as error:
        if error.error_class == "UNRESOLVED_ROUTINE":
            return
    raise unsupported(f"a function named like the built-in {name}")


def _require_computable(function: Function, context: Context) -> None:
    """Raise SqlError if the engine cannot compute the body as the type that is returned."""
    markers = Markers()
    arguments: list[exp.Expr] = [
        exp.cast(exp.null(), p.type, dialect=DIALECT) for p in function.parameters
    ]
    value = inline(function, arguments, context.resolver, markers)
    probe = exp.select(exp.alias_(value, "value")).limit(0)
    context.engine.run(bind(markers.template(probe), context), context.cancellation)


def drop(words: Words, context: Context) -> Result:
    if_exists = words.accept("IF", "EXISTS")
    names = words.name()
    words.end()
    function = find(names, context)
    if function is None:
        if if_exists:
            return NOTHING
        raise routine_not_found(names)
    context.access.require(MANAGE, securable_of(function))
    with context.catalog.changing():
        del context.catalog.schema(function.catalog, function.schema).functions[function.name]
    return NOTHING


def find(names: list[str], context: Context) -> Function | None:
    """Return the function that one to three names mean; None if there is none.

    Raises SqlError if the user may not use its schema.
    """
    if len(names) > 3:
        raise routine_not_found(names)
    securable = context.resolver.schema(names[:-1] or [context.session.namespace.schema])
    path = (*securable.path, names[-1].lower())
    context.access.require_use(Securable("FUNCTION", path))
    return context.catalog.find_function(*path)


def show(words: Words, context: Context) -> Result:
    """``SHOW [USER] FUNCTIONS [IN schema] [LIKE pattern]`` lists the functions of a schema."""
    if words.accept("USER"):
        words.expect("FUNCTIONS")
    securable = context.resolver.schema(within(words) or [context.session.namespace.schema])
    wanted = pattern(words)
    found = context.catalog.schema(*securable.path).functions
    context.access.require("USE SCHEMA", securable)
    names = [
        function.full_name
        for name, function in sorted(found.items())
        if matches(name, wanted) and context.access.can_see(securable_of(function))
    ]
    return rows({"function": TEXT}, [(name,) for name in names])


def describe(words: Words, context: Context) -> Result:
    extended = words.accept("EXTENDED")
    names = words.name()
    words.end()
    function = find(names, context)
    if function is None:
        raise routine_not_found(names)
    context.access.require_visible(securable_of(function))
    parameters = ", ".join(f"{p.name} {p.type}" for p in function.parameters)
    lines = [
        f"Function: {function.full_name}",
        "Type: SCALAR",
        f"Input: {parameters or '()'}",
        f"Returns: {function.returns}",
    ]
    if function.comment:
        lines.append(f"Comment: {function.comment}")
    if extended:
        lines += [f"Owner: {function.owner}", f"Body: {function.body}"]
    return rows({"function_desc": TEXT}, [(line,) for line in lines])


def _exists(function: Function) -> SqlError:
    return SqlError(
        "ROUTINE_ALREADY_EXISTS",
        f"Cannot create the function `{function.full_name}` because it already exists.",
        "42723",
    )
