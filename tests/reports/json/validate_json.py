"""Validates files of JSON or TOML (*.toml) against a JSON Schema: validate_json.py SCHEMA FILE...

Exit code 0: all are valid; 1: one is not (each error on stderr, with its place); 2: cannot say.
Needs Debian's python3-jsonschema, so call it by /usr/bin/python3.
"""

import json
import sys
import tomllib

try:
    import jsonschema
except ImportError:
    sys.exit(print("python3-jsonschema is not installed", file=sys.stderr) or 2)


def read(path):
    """A date or a time of TOML is a string to a schema."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if str(path).endswith(".toml"):
        return json.loads(json.dumps(tomllib.loads(text), default=str))
    return json.loads(text)


def main(schema_path, paths):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    failed = False
    for path in paths:
        for error in validator.iter_errors(read(path)):
            failed = True
            place = "/".join(str(part) for part in error.absolute_path)
            print(f"{path}: /{place}: {error.message[:300]}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
