"""A WordNet of a few words in the files of the real one, as Princeton lays them out."""

LEXNAMES = ("adj.all", "adj.pert", "adv.all", "noun.Tops", "noun.act", "verb.change")
NOUNS = (("card", "ticket"), ("money", "cash"))
ADJECTIVES = (("quick", "rapid"), ("slow", "sluggish"))   # the first words of the two face each other


def write_wordnet(folder):
    """Write the database under `folder`/corpora/wordnet, where nltk looks for it."""
    root = folder / "corpora/wordnet"
    root.mkdir(parents=True)
    (root / "lexnames").write_text("".join(f"{number:02}\t{name}\t3\n" for number, name in enumerate(LEXNAMES)))
    for name in ("cntlist.rev", "index.sense", *(f"{part}.exc" for part in ("adj", "adv", "noun", "verb"))):
        (root / name).write_text("")
    for part, letter, synsets in (("noun", "n", NOUNS), ("adj", "a", ADJECTIVES), ("adv", "r", ()), ("verb", "v", ())):
        lines, offsets = _data(synsets, letter)
        (root / f"data.{part}").write_text(lines)
        (root / f"index.{part}").write_text("".join(
            f"{word} {letter} 1 0 1 0 {offset:08}  \n"
            for word, offset in sorted((word, offset) for synset, offset in zip(synsets, offsets, strict=True)
                                       for word in synset)))


def _data(synsets, letter):
    """Return the lines of a data file and where each begins; pointers are as long as what they point to is."""
    def line(number, offsets):
        words = " ".join(f"{word} 0" for word in synsets[number])
        other = f" ! {offsets[1 - number]:08} a 0101" if letter == "a" else ""
        return f"{offsets[number]:08} 00 {letter} 02 {words} {'001' if other else '000'}{other} | a gloss  \n"

    blank = [0] * len(synsets)
    offsets = [sum(len(line(before, blank)) for before in range(number)) for number in range(len(synsets))]
    return "".join(line(number, offsets) for number in range(len(synsets))), offsets
