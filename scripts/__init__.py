"""What maintainers run: training the embedded model, generating tasks and shipped neuron sets."""
