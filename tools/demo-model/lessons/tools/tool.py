"""A kind of tool with all the ways to name, describe and ask for it, and one variant of it as a request lists it.

A role is what a parameter is for ("city"). Its name in a request varies ("location", "cityName"); in the texts here the
role stands in braces.
"""
import json
import re

from lessons.base import capitalized
from lessons.tools.phrasing import ask_to_do, ask_to_tell, typed


class Parameter:
    """One form of a parameter: its possible names, where its values come from, and how the schema describes it.

    A `free` one takes any text, after which a request must end.
    """

    def __init__(self, names, source, type="string", enum=None, describe=(), optional=False, free=False):
        self.names, self.source, self.type = names.split(), source, type
        self.enum, self.describe, self.optional, self.free = enum, describe, optional, free


class Tool:
    """One kind of tool in all its variants.

    names       possible names
    describe    possible descriptions
    parameters  {role: Parameter or list of alternatives}; the roles stand in braces in what follows
    do, np, ask ways to ask: what is to be done, what is to be told, and whole requests
    done        what is said when the tool confirms, or
    tells       (keys of the result, source of its value, what is said, with {result} in it), or
                a function of (rng, said, values) that does it all, or
    record      {key: source} of which the result has some, or
    finds       (keys, source of the items)
    again       a follow-up with another value for its one role
    both        a request for two things at once, with {1} and {2} for the only parameter
    words       a pattern: to a question in which it is found this tool could serve (words only, if made of parts)
    knows       whether the tool could know an answer to any question
    parts       the two words that it is made of, see lessons/tools/made_of_parts.py
    """

    def __init__(self, names, describe, parameters, do=(), np=(), ask=(), done=None, tells=None, record=None,
                 finds=None, again=(), both=(), words="", knows=False, parts=None):
        self.all_names, self.names, self.describe = names, names.split(), describe
        self.made_of_parts = parts is not None
        self.kind = parts or self.names[0]
        self.parameters = {role: p if isinstance(p, list) else [p] for role, p in parameters.items()}
        self.do, self.np, self.ask = do, np, ask
        self.done, self.tells, self.record, self.finds = done, tells, record, finds
        self.again, self.both, self.words, self.knows = again, both, words, knows
        self.free = tuple("{" + role + "}" for role, forms in self.parameters.items() if forms[0].free)
        self.required = [role for role, forms in self.parameters.items() if not forms[0].optional]
        self.optional = [role for role, forms in self.parameters.items() if forms[0].optional]

    def could_serve(self, text):
        """Whether it might be what a question asks for."""
        if self.made_of_parts:
            return any(word in text for word in self.words.split("|"))
        return re.search(self.words, text) is not None

    def template(self, rng, roles):
        """A request with the roles in braces, for a variant that has these roles."""
        while True:
            pick = rng.randrange(len(self.ask) + 2 * len(self.do) + 2 * len(self.np))
            if pick < len(self.ask):
                core = template = self.ask[pick]
            elif pick < len(self.ask) + 2 * len(self.do):
                core = self.do[(pick - len(self.ask)) // 2]
                template = ask_to_do(rng, core, more=not core.endswith(self.free))
            else:
                core = self.np[(pick - len(self.ask)) // 2 - len(self.do)]
                template = ask_to_tell(rng, core)
            if all("{" + role + "}" not in core or role in roles for role in self.optional):
                return template


class Listed:
    """A variant of a tool as a request lists it: its name, its schema, and {role: (Parameter, name)}."""

    def __init__(self, rng, tool):
        self.tool = tool
        camel = rng.random() < 0.06
        name = rng.choice(tool.names)
        self.name = in_camels(name) if camel else name
        self.parameters = {}
        properties, required = {}, []
        roles = [role for role in tool.parameters if role in tool.required or rng.random() < 0.4]
        if len(roles) > 1 and rng.random() < 0.2:
            rng.shuffle(roles)
        for role in roles:
            forms = tool.parameters[role]
            parameter = forms[0] if len(forms) == 1 else rng.choice(forms)
            name = rng.choice(parameter.names)
            if name in properties:
                name = role
            name = in_camels(name) if camel else name
            self.parameters[role] = parameter, name
            properties[name] = schema = {"type": parameter.type}
            if parameter.describe and rng.random() < 0.4:
                schema["description"] = rng.choice(parameter.describe)
            if parameter.enum:
                schema["enum"] = parameter.enum
            if not parameter.optional:
                required.append(name)
        self.schema = {"type": "function", "function": {
            "name": self.name, "description": rng.choice(tool.describe),
            "parameters": {"type": "object", "properties": properties, "required": required},
        }}

    def arguments(self, values):
        return {name: values[role] for role, (_, name) in self.parameters.items() if role in values}

    def call(self, values):
        return {"type": "function", "function": {"name": self.name, "arguments": self.arguments(values)}}

    def request(self, rng):
        """The text of a request, its template, and what it says and means for each role."""
        return self.request_by_name(rng) if rng.random() < 0.03 else self.request_without_name(rng)

    def request_without_name(self, rng):
        template = self.tool.template(rng, self.parameters)
        text, lower = typed(rng, template)
        said, values = {}, {}
        for role, (parameter, _) in self.parameters.items():
            if "{" + role + "}" in template:
                as_typed, shown, value = parameter.source(rng, lower)
                while value in values.values() and parameter.type == "string":
                    as_typed, shown, value = parameter.source(rng, lower)
                said[role], values[role] = shown, value
                text = text.replace("{" + role + "}", as_typed)
        return text, template, said, values

    def request_by_name(self, rng):
        said, values, parts = {}, {}, []
        for role, (parameter, name) in self.parameters.items():
            if not parameter.optional:
                said[role], values[role] = parameter.source(rng, False)[1:]
                value = values[role]
                parts.append(f"{name} {value if isinstance(value, str) else json.dumps(value)}")
        template = rng.choice(("Call {0}", "Use {0}", "Please call {0}", "Use the tool {0}", "Run {0}",
                               "Please use {0}"))
        text = template.replace("{0}", self.name)
        if parts:
            text += f" with {' and '.join(parts)}"
        if not self.tool.free and rng.random() < 0.6:
            text += "."
        return text, template, said, values


def in_camels(name):
    first, *others = name.split("_")
    return first + "".join(capitalized(word) for word in others)
