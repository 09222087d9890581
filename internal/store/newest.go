package store

import "strings"

// newest is the part of a query that lists the rows with the given values in
// some columns, the latest first.
//
// An index of those columns and the row's number answers it. That the values
// are written as bounds, and stand in the order too, has PostgreSQL use it:
// for equal values it would rather go through the latest rows of the whole
// table until it has found enough, and those of a quiet repository are far
// away.
type newest struct {
	columns []string
	values  []any
	// number is the column with the row's number. Only rows before that number
	// are listed, unless it is 0.
	number string
	before int64
}

// where returns the condition and its arguments.
func (n newest) where() (string, []any) {
	var conditions []string
	var args []any
	if len(n.columns) > 0 {
		conditions = append(conditions, "("+strings.Join(n.columns, ", ")+") >= "+places(1, len(n.columns)))
		args = append(args, n.values...)
	}
	switch columns := strings.Join(append(n.columns[:len(n.columns):len(n.columns)], n.number), ", "); {
	case n.before != 0:
		conditions = append(conditions, "("+columns+") < "+places(1, len(n.columns)+1))
		args = append(append(args, n.values...), n.before)
	case len(n.columns) > 0:
		conditions = append(conditions, "("+strings.Join(n.columns, ", ")+") <= "+places(1, len(n.columns)))
		args = append(args, n.values...)
	default:
		return "1 = 1", nil
	}
	return strings.Join(conditions, " AND "), args
}

// order returns what stands behind ORDER BY.
func (n newest) order() string {
	return strings.Join(append(n.columns[:len(n.columns):len(n.columns)], n.number), " DESC, ") + " DESC"
}
