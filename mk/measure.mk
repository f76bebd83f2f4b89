# Measuring the cost of the servers without a clock.

.PHONY: instructions

INSTRUCTIONS_FLAGS =

## instructions: count the instructions of a request in user space (INSTRUCTIONS_FLAGS=--help)
instructions:
	$(deps) build measure
	$(again) servers
	@tools/count-instructions $(INSTRUCTIONS_FLAGS) $(BUILD)/pipelined-server
