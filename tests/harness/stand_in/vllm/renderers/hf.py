def resolve_chat_template(tokenizer, **_):
    return tokenizer.chat_template
