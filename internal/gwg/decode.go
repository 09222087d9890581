package gwg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"gopkg.in/yaml.v3"
)

// maxSize is the greatest size of a configuration in bytes.
const maxSize = 1 << 20

// decode reads a file into maps, lists and scalars. Errors have a line where there is
// one, and nothing of the text, which holds secrets.
func decode(ext string, data []byte) (map[string]any, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	var root map[string]any
	switch strings.ToLower(ext) {
	case ".yaml", ".yml":
		var document yaml.Node
		if err := yaml.Unmarshal(data, &document); err != nil {
			return nil, errors.New("it is not valid YAML" + lineOf(err.Error()))
		}
		if document.Kind != 0 && document.Decode(&root) != nil {
			return nil, errors.New("it is not a mapping of names to values, or has a name twice")
		}
	case ".json":
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if err := decoder.Decode(&root); err != nil {
			at := int64(0)
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = min(syntax.Offset, int64(len(data)))
			}
			return nil, fmt.Errorf("it is not a JSON object, in line %d", 1+bytes.Count(data[:at], []byte("\n")))
		}
	case ".toml":
		if _, err := toml.Decode(string(data), &root); err != nil {
			if at, ok := errors.AsType[toml.ParseError](err); ok {
				return nil, fmt.Errorf("it is not valid TOML, in line %d", at.Position.Line)
			}
			return nil, errors.New("it is not valid TOML")
		}
	default:
		return nil, errors.New("its name must end with yaml, yml, json or toml, as gwg's own does")
	}
	return lower(root), nil
}

// lineOf is where a YAML error says that it is.
func lineOf(message string) string {
	_, rest, found := strings.Cut(message, "line ")
	number, _, _ := strings.Cut(rest, ":")
	if _, err := strconv.Atoi(number); !found || err != nil {
		return ""
	}
	return ", in line " + number
}

// lower has names be found whatever their case, as viper does, which gwg reads with.
func lower(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for name, value := range m {
		out[strings.ToLower(name)] = lowerValue(value)
	}
	return out
}

func lowerValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return lower(v)
	case map[any]any:
		m := map[string]any{}
		for name, value := range v {
			m[fmt.Sprint(name)] = value
		}
		return lower(m)
	case []map[string]any: // of TOML
		list := make([]any, len(v))
		for i := range v {
			list[i] = lower(v[i])
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = lowerValue(v[i])
		}
		return list
	}
	return value
}

// text is a scalar as text, which gwg reads whatever its type.
func text(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool, int, int64, uint64, json.Number:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), !math.IsInf(v, 0) && !math.IsNaN(v)
	}
	return "", false
}
