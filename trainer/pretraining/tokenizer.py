"""Trains a tokenizer (byte-pair encoding of characters) on the texts at hand, the same one in every run."""

from collections import Counter
from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PADDING, UNKNOWN, BEGIN, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ALPHABET = 3_000                                      # characters at most: Hangul has 2,350 in daily use


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> bytes:
    """Return tokenizer.json.

    Accents are kept, for taking them off would take Hangul apart. WordPiece is not used:
    its trainer numbers the insides of words in the order of a hash table with a random
    seed, so that two runs on one bank give two vocabularies.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, handle_chinese_chars=False, lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    alphabet = _alphabet(texts, min(ALPHABET, vocabulary // 2))
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=alphabet, limit_alphabet=len(alphabet), min_frequency=2,
        special_tokens=list(SPECIAL), show_progress=False))
    tokenizer.post_processor = processors.BertProcessing((END, SPECIAL.index(END)), (BEGIN, SPECIAL.index(BEGIN)))
    return tokenizer.to_str().encode()


def _alphabet(texts: Sequence[str], n: int) -> list[str]:
    """Return the commonest characters and the mark of a word's begin."""
    counts = Counter(character for text in texts for character in text.lower() if not character.isspace())
    return ["▁", *sorted(counts, key=lambda character: (-counts[character], character))[: n - 1]]
