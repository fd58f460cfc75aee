"""The small vocabularies of the grammar, as alternatives of regular expressions."""

from __future__ import annotations

DEFINITE = r"(?:the|this|that|these|those|my|your|his|her|our|their|its|both|all|every|each)"
DETERMINER = rf"(?:{DEFINITE}|an?|some|another|of)"

SHADE = r"(?:bright|dark|light|pale|deep|neon|pastel|metallic|hot|shiny)"
PLAIN_COLOUR = (
    r"(?:red|green|blue|yellow|orange|purple|violet|pink|brown|black|white|gr[ae]y|golden|gold|silver|turquoise|teal|"
    r"cyan|magenta|beige|maroon|crimson|scarlet|navy|lime|olive|ivory|lilac|lavender|indigo|bronze|rainbow)"
)
COLOUR = rf"(?:{SHADE}[ -])?{PLAIN_COLOUR}(?:(?:[ -]|,? and ){PLAIN_COLOUR})?"

BACKGROUND = r"(?:(?:entire|whole)\s+)?(?:background|backdrop)"
PLACE = (
    r"(?:on\s+top\s+of|on\s+to|onto|on|into|inside|in\s+front\s+of|in|to|next\s+to|beside|behind|near|under|above|over)"
)
_LINKS = ("with", "of", "in", "on", "to", "into", "for", "and", "by", "wearing", "a", "an", "the", "some")
# A phrase does not end in one of these: "give the dog with | a collar a hat" parts too early.
DANGLING = "".join(rf"(?<!\s{word})" for word in _LINKS)

QUOTE = r"[\"'\u2018\u2019\u201c\u201d]"
MARKS = rf"(?:[\s,.;:!?]|{QUOTE})"

PICTURE = r"(?:picture|photo|photograph|image|scene|shot)"
IN_THE_PICTURE = rf"(?:\s+(?:from|into|in|of|on|to|within)\s+(?:the|this|that|my)\s+{PICTURE})?"

JOINT = r"(?:\s*[,;.:!?&]+|\s+(?:and|then|also|plus)\b)(?:[\s,]*\b(?:and|then|also|plus|please|finally|next)\b)*\s*"
# "the dog, the cat and the bird", "the dog, cat and bird", but not "the big, brown dog and the cat".
LIST_JOINT = (
    rf"\s*,?\s+and\s+|\s*&\s*|\s*,\s*(?={DETERMINER}\b)|\s*,\s*(?=[^,]+(?:,[^,]+)*,?\s+and\s+(?!{DETERMINER}\b))"
)

POLITE_START = (
    r"(?:(?:please|kindly|hi|hello|hey|now|then|first|just|(?:can|could|would|will)\s+(?:you|we)|"
    r"i\s+(?:want|would\s+like|need)(?:\s+you)?\s+to|i['\u2019]d\s+like(?:\s+you)?\s+to|let(?:['\u2019]s|\s+us))\b[\s,!]*)*"
)
POLITE_END = r"(?:[\s,.;:!?]*\b(?:please|thanks|thank\s+you|for\s+me|now|instead)\b)*[\s,.;:!?]*"

# Words that name nothing a detector could look for.
UNRESOLVED = (
    rf"{DETERMINER}|it|them|him|ones?|things?|something|anything|everything|nothing|everyone|everybody|someone|anyone"
)
REFUSAL = r"(?<![\w-])(?:not|never|except|but|without\s+(?:touching|changing)|\w+n['\u2019]t)(?![\w-])"
