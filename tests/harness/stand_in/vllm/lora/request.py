class LoRARequest:
    def __init__(self, *args):
        self.args = args
