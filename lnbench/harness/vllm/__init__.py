"""The lm-eval model ``lnbench-vllm``: lm-eval's vLLM model on a checkpoint with the neurons changed in its weights.

vLLM repacks weights while it loads them, so that nothing can be edited in a running engine. The plan is therefore
folded into a copy of the checkpoint first (:mod:`lnbench.models`, ``export``), which is kept and used again.

Nothing but :mod:`lnbench.harness.vllm.lm` needs vLLM.
"""
