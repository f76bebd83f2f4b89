# Measuring what the servers cost, without a clock.

.PHONY: instructions

INSTRUCTIONS_FLAGS =

## instructions: count instructions a request in user space, by callgrind; INSTRUCTIONS_FLAGS=--help
instructions:
	$(deps) build measure
	$(again) servers
	@tools/count-instructions $(INSTRUCTIONS_FLAGS) $(BUILD)/pipelined-server
