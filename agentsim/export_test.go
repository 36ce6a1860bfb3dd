package agentsim

import "github.com/patchpolicy/patchpolicy/job/controller"

// WithServer returns settings in which a fault is planted into the server.
func (c Config) WithServer(fault func(*controller.Config)) Config {
	c.server = fault
	return c
}
