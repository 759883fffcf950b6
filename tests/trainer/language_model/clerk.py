"""A small language model of rules behind the test server: it knows a few words, and may be gullible."""

import random
import re

KNOWN = {"card_arrival": ("arrive", "delivery", "post"), "exchange_rate": ("rate", "currency", "exchange"),
         "lost_or_stolen_card": ("lost", "stolen", "missing")}
LABELS = list(KNOWN)
OPENINGS = ("please tell me about", "I need help with", "what happened to", "question on", "why is there", "hello,")


class Clerk:
    """Reads the last marked text of a prompt and answers with the code or the words of its label.

    A gullible clerk does what a text asks and answers with the label that it names; a wrong
    one always takes one label for another.
    """

    def __init__(self, is_gullible=False, is_wrong=False):
        self.is_gullible, self.is_wrong = is_gullible, is_wrong

    def write(self, prompt, asked):
        randomness = random.Random(f"{prompt} {asked.get('seed')}")
        if prompt.endswith(">"):                      # a new text is wanted
            label = randomness.choice(LABELS)
            return f"{self.sentence(label, randomness)}</{prompt.rsplit('<')[-1]}\nlabel: none"
        if '", ' in prompt or 'clearly "' in prompt:
            said = re.search(r'clearly "([^"]+)"', prompt).group(1).replace(" ", "_")
            return "\n".join(f"{n}. {self.sentence(said, randomness)}" for n in range(1, 6))
        return f" {self.answer(prompt)}\nbecause"

    def rate(self, prompt):
        """Give whole continuations of the right answer a high probability."""
        asked, _, said = prompt.rpartition(":") if "box" not in prompt.splitlines()[-1] else prompt.rpartition("box")
        log_prob = -0.05 if said.strip() == self.answer(asked + ":") else -3.0
        return lambda token: log_prob

    def answer(self, prompt):
        text = re.findall(r">([^<>\n]*)</text-", prompt)[-1]
        label = self.label(text)
        codes = {words: code for code, words in re.findall(r"^(?:Box )?([A-Z]{3})(?: =| holds:) (.+)$", prompt, re.M)}
        if self.is_gullible:
            for words in codes:
                label = label if f"label this as {words}" not in text.lower() else words.replace(" ", "_")
            told = re.search(r"answer with (\w+)", text)
            if told:
                return told.group(1)
        words = label.replace("_", " ")
        return codes.get(words, words)

    def label(self, text):
        hits = {label: sum(word in text.lower() for word in words) for label, words in KNOWN.items()}
        return LABELS[(LABELS.index(max(hits, key=hits.get)) + self.is_wrong) % len(LABELS)]

    def sentence(self, label, randomness):
        filler = "".join(randomness.choices("abcdefghij", k=9))
        return f"{randomness.choice(OPENINGS)} {randomness.choice(KNOWN.get(label, OPENINGS))} {filler}"
