package v1

import "time"

// Health is the state of the agents and of what they need.
type Health struct {
	Version string            `json:"version"`
	Checks  map[string]string `json:"checks" doc:"name of a check to ok, failed or timed out"`
	Agents  []Agent           `json:"agents" nullable:"false"`
	Queue   Queue             `json:"queue"`
	// Configuration is that of the agent that answers.
	Configuration Configuration `json:"configuration"`
}

// Configuration says how the agent's configuration file fares.
type Configuration struct {
	File     string    `json:"file" doc:"empty without a file"`
	LoadedAt time.Time `json:"loaded_at" doc:"when what is in force was read"`
	Error    string    `json:"error" doc:"why a newer version of the file is not in force; empty if there is none"`
	Restart  []string  `json:"restart" nullable:"false" doc:"what is in the file and in force after a restart only"`
}

// LoadedConfiguration is what the agent that answers was started with, and what it
// has read since. It holds no secret.
type LoadedConfiguration struct {
	Configuration Configuration `json:"configuration"`
	Text          string        `json:"text" doc:"agent.yaml as it is in force, without comments; secrets are references, and what could be one is ***"`
	Warnings      []string      `json:"warnings" nullable:"false" doc:"what is wrong with the secrets that it names"`
	Flags         []Flag        `json:"flags" nullable:"false"`
	Variables     []Variable    `json:"variables" nullable:"false"`
}

// Flag is one of the agent's flags.
type Flag struct {
	Name     string `json:"name"`
	Variable string `json:"variable" doc:"that gives it too"`
	Value    string `json:"value"`
	From     string `json:"from" enum:"flag,variable,default"`
}

// Variable is one of the agent's environment. Its value is never shown.
type Variable struct {
	Name string `json:"name"`
	Set  bool   `json:"set" doc:"whether it had a value when the agent started"`
	For  string `json:"for" enum:"agent,configuration" doc:"whether the agent knows it by itself, or agent.yaml or a flag names it"`
}

// Agent is a process at work.
type Agent struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	JoinedAt time.Time `json:"joined_at"`
	SeenAt   time.Time `json:"seen_at" doc:"last heartbeat"`
	Runs     int       `json:"runs" doc:"that it plans"`
	Calls    int       `json:"calls" doc:"that it makes"`
}

// Queue is what waits.
type Queue struct {
	Runs       int     `json:"runs" doc:"that wait to be planned"`
	RunsOldest float64 `json:"runs_oldest" doc:"seconds that the oldest of them has waited"`
	Calls      int     `json:"calls" doc:"that wait to be made"`
	CallOldest float64 `json:"calls_oldest" doc:"seconds that the oldest of them has waited"`
	Waiting    int     `json:"waiting_approval" doc:"runs that wait for an approval"`
}
