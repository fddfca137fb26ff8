"""Words as letters: spelling, reversing, counting and naming letters, upper and lower case, rhymes, joining, repeating.

The model reads a word as one to five tokens and does not see its letters: it has to learn how each token is spelled.
Three things help it. Most answers begin with the letters, joined by hyphens, so that what follows (the reversed word, a
number of letters, the third letter) can be found by looking at one place of the text for each letter of the answer;
without them all of it would have to be known at once. What consists of letters is tokenized letter by letter. And
three words in ten are made up, of pieces of other words, so that each token occurs in many surroundings.

Nearly every question must be kept character by character, so it is varied here and not by `casually`. Letters keep the
case that they have in the question; a and A count as the same letter.
"""
import os

from lessons.base import Relation, capitalized, letter_by_letter, question

SKILL = "spelling and reversing"

with open(os.path.join(os.path.dirname(__file__), "..", "tables", "words.txt"), encoding="utf-8") as table:
    WORDS = table.read().split()
PALINDROMES = [word for word in WORDS if word == word[::-1]]
SYLLABLES = (
    "ba bel bir bo bra can cel cho cor dan del di dra el en far fen fi flo gan ger gi glo han hel ho in jan jo ka"
    " kel ki la len lis lo man mel mi mor na nel ni nor o pan per pi plo que ran rel ri ros sa sel shi sto ta tel ti"
    " tri tu ul un va ven vi vo wan wel wi xa yan yel zi zo"
).split()
# "Put two and five together" is not asked: it could mean a sum.
NUMBERS = set(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
    " million zero".split()
)
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
VOICED_FIRST = "aefhilmnorsx"  # letters whose names begin with a vowel: "an f"

# ---- how something is asked; in the templates {w} is the word, maybe in quotes

REQUESTS = [
    "{Task}.", "{Task}.", "{Task}", "{task}", "Please {task}.", "{Task}, please.", "Can you {task}?",
    "Could you {task}?", "Can you please {task}?", "Could you please {task}?", "Would you {task}?", "Will you {task}?",
    "I want you to {task}.", "I need you to {task}.", "I would like you to {task}.", "I'd like you to {task}.",
    "Try to {task}.", "Now {task}.", "Are you able to {task}?", "Let's see if you can {task}.",
    "Your task is to {task}.", "Task: {task}.", "Do me a favour and {task}.", "can you {task}", "pls {task}",
    "You have to {task}.", "It would be nice if you could {task}.", "can u {task}", "Simply {task}.",
]
# These do not go with "tell me", "give me".
REQUESTS_HOW = [
    "How do I {task}?", "Show me how to {task}.", "Do you know how to {task}?", "Help me to {task}.",
    "How can I {task}?",
]
OPENINGS = ["Hey, ", "Hi, ", "Hello, ", "Hi! ", "Hello! ", "Ok, ", "So, ", "Quick question: ", "Now, "]
CLOSINGS = [" Thanks!", " Thank you.", " Please."]

SPELL = [
    "How do you spell {w}?", "How do you spell {w}?", "How is {w} spelled?", "How is {w} spelt?", "How is {w} written?",
    "How do you spell the word {w}?", "How is the word {w} spelled?", "What is the spelling of {w}?",
    "{w}: how is it spelled?", "What is the correct spelling of {w}?", "What's the spelling of the word {w}?",
    "Spelling of {w}?", "Spelling of {w}", "How would you spell {w}?", "How do people spell {w}?", "how to spell {w}",
    "How should I spell {w}?", "spell: {w}", "I don't know how to spell {w}.", "I forgot how {w} is spelled.",
    "I can never remember how to spell {w}.", "Which letters are in {w}, one by one?",
    "What letters make up the word {w}?", "What letters does {w} consist of?", "What are the letters of {w}?",
    "What are the letters in the word {w}?", "Which letters is {w} made of?", "{w} letter by letter", "{w} spelled out",
    "{w} in single letters, please.", "Is it hard to spell {w}? Show me.", "The letters of {w}, please.",
    "The word is {w}. How do you spell it?", "The word is {w}. Spell it.", "{w}, spell it", "{w}. Can you spell that?",
    "Here is a word: {w}. Spell it letter by letter.", "What does {w} look like letter by letter?",
    "I want to know how {w} is spelled.", "I would like the spelling of {w}.", "Do you know the spelling of {w}?",
    "Can you tell me how {w} is spelled?", "My son asks how {w} is spelled.", "I am writing {w}. What are its letters?",
    "spell {w} for me", "With hyphens between the letters: {w}", "Letters of {w}?", "In what way is {w} spelled?",
]
SPELL_TASKS = [
    "spell {w}", "spell {w}", "spell the word {w}", "spell the word {w}", "spell out {w}", "spell {w} out",
    "spell out the word {w}", "spell {w} for me", "spell this word: {w}", "spell the following word: {w}",
    "write {w} letter by letter", "spell {w} letter by letter", "say {w} letter by letter", "list the letters of {w}",
    "list the letters in {w}", "name the letters of {w}", "give me the letters of {w}", "give me the spelling of {w}",
    "tell me how to spell {w}", "break {w} into letters", "split {w} into letters",
    "split the word {w} into its letters", "separate the letters of {w}", "write the letters of {w} one by one",
    "put hyphens between the letters of {w}", "take {w} apart letter by letter",
]
REVERSE = [
    "What is {w} backwards?", "What is {w} spelled backwards?", "What is {w} reversed?", "What is {w} in reverse?",
    "What's {w} backwards?", "What does {w} look like backwards?", "What is the reverse of the word {w}?",
    "{w} backwards", "{w} backwards?", "{w} reversed", "{w} reversed?", "{w} in reverse",
    "{w} in reverse order, please.", "reverse: {w}", "How do you write {w} backwards?",
    "How do you spell {w} backwards?", "How is {w} spelled backwards?", "{w}, but backwards",
    "What do you get if you reverse {w}?", "What do you get when you write {w} backwards?", "Backwards: {w}",
    "Reversed: {w}", "What happens if you read {w} from right to left?", "What is {w} when read from the end?",
    "The reverse of the word {w}?", "What word do you get if you turn {w} around?",
    "How does {w} read from back to front?", "{w} from back to front", "The word is {w}. Reverse it.",
    "The word is {w}. What is it backwards?", "Here is a word: {w}. Write it backwards.",
    "If I read {w} in a mirror, letter by letter from the end, what is it?", "I need {w} backwards.",
    "I need the reverse of the word {w}.", "I want to see {w} written backwards.", "What would {w} be backwards?",
    "What would the word {w} be in reverse?", "Take the word {w} and reverse it.", "{w}: what is it backwards?",
    "{w}: reverse it", "Which word is {w} read backwards?", "What is the word {w} with its letters in reverse order?",
    "How would {w} be written from right to left?", "Starting at the last letter, what is {w}?",
    "How does one say {w} backwards?", "Can {w} be written backwards? Show me.",
]
REVERSE_TASKS = [
    "reverse {w}", "reverse {w}", "reverse the word {w}", "reverse the word {w}", "reverse the letters of {w}",
    "write {w} backwards", "reverse the string {w}", "reverse this word: {w}", "reverse the following word: {w}",
    "reverse the order of the letters in {w}", "write the word {w} backwards", "spell {w} backwards",
    "spell the word {w} backwards", "say {w} backwards", "say the word {w} backwards", "turn {w} around",
    "turn the word {w} around", "flip {w}", "flip the word {w}", "flip the letters of {w}", "write {w} in reverse",
    "write {w} from right to left", "write {w} from back to front", "write {w} in reverse order", "type {w} backwards",
    "give me {w} backwards", "give me {w} in reverse", "give me the reverse of the word {w}", "show me {w} backwards",
    "read {w} backwards", "put the letters of {w} in reverse order", "tell me what {w} is backwards",
    "spell {w} in reverse", "write this backwards: {w}", "print {w} reversed", "write {w} the other way round",
    "mirror the word {w}",
]
COUNT = [
    "How many letters are in {w}?", "How many letters are in the word {w}?", "How many letters does {w} have?",
    "{w}: how many letters?", "How many letters does the word {w} have?", "How many letters are there in {w}?",
    "How many letters has {w}?", "letters in {w}?", "How many characters does {w} have?",
    "How many characters are in {w}?", "How long is the word {w}?", "Length of the word {w}?",
    "What is the length of the word {w}?", "What is the number of letters in {w}?", "Number of letters in {w}?",
    "{w} has how many letters?", "{w} - how many letters is that?", "The word {w} has how many letters?",
    "Of how many letters does {w} consist?", "How many letters do I need to write {w}?",
    "Do you know how many letters {w} has?", "I wonder how many letters {w} has.",
    "If you spell {w}, how many letters are there?", "how many letters in {w}", "In {w}, how many letters are there?",
    "Word length of {w}?",
]
COUNT_TASKS = [
    "count the letters in {w}", "count the letters of {w}", "count the letters in the word {w}",
    "count how many letters {w} has", "tell me how many letters {w} has", "tell me how many letters are in {w}",
    "find the length of the word {w}", "give me the number of letters in {w}", "count the characters in {w}",
    "tell me the length of the word {w}",
]
# {c} is the letter, {q} is the letter, maybe in quotes.
OCCURRENCES = [
    "How many {c}'s are in {w}?", "How many {c}'s are in {w}?", "How many {c}'s are in the word {w}?",
    "How many {c}'s are there in {w}?", "How many {c}'s does {w} have?", "How many {c}s are in {w}?",
    "How many {c} are in {w}?", "How many {c} in {w}?", "how many {c}s in {w}",
    "How many times does {q} show up in {w}?", "{c}'s in {w}?", "how many {c}'s in {w}",
    "How many {c}'s does the word {w} have?", "How many times does {q} occur in {w}?",
    "How many times does the letter {q} occur in {w}?", "How many times does the letter {q} appear in {w}?",
    "How many {c}'s has {w}?", "How many times is {q} in {w}?", "How often does {q} occur in {w}?",
    "How often does the letter {q} appear in the word {w}?", "How often is there {an} {q} in {w}?",
    "How many of the letters in {w} are {q}?", "How many letters {q} are in {w}?",
    "How many letters {q} does {w} have?", "In {w}, how many {c}'s are there?",
    "In the word {w}, how often do you see {q}?", "What is the number of {c}'s in {w}?", "Number of {c}'s in {w}?",
    "{w}: how many {c}'s?", "The word {w} has how many {c}'s?", "When I write {w}, how many {c}'s do I need?",
    "Do you know how many {c}'s {w} has?", "With how many {c}'s is {w} spelled?", "{w} is spelled with how many {c}'s?",
    "{w} has how many letters {q}?",
]
OCCURRENCES_TASKS = [
    "count the {c}'s in {w}", "count the letter {q} in {w}", "count how many {c}'s are in {w}",
    "count how often {q} occurs in {w}", "tell me how many {c}'s {w} has", "tell me how many {c}'s are in {w}",
    "tell me how often {q} is in {w}", "find the number of {c}'s in {w}", "count the {c}'s in the word {w}",
    "tell me the number of {c}'s in {w}",
]
FIRST = [
    "What is the {end} letter of {w}?", "What is the {end} letter of the word {w}?", "Which letter is {end} in {w}?",
    "{w}: {end} letter?", "What is the {end} letter in {w}?", "What's the {end} letter of {w}?",
    "Which is the {end} letter of {w}?", "{end} letter of {w}", "The {end} letter of {w}?",
    "The {end} letter of {w} is", "Which letter comes {end} in the word {w}?", "Which letter is the {end} of {w}?",
    "In the word {w}, which letter is the {end}?", "Do you know the {end} letter of {w}?",
    "I need the {end} letter of {w}.", "With what letter does {w} {verb}?", "What letter does {w} {verb} with?",
    "Which letter does {w} {verb} with?", "{w} {verb}s with which letter?", "What does {w} {verb} with?",
    "The word {w} {verb}s with what letter?", "{w} {verb}s with",
]
FIRST_TASKS = [
    "tell me the {end} letter of {w}", "name the {end} letter of {w}", "give me the {end} letter of {w}",
    "say the {end} letter of {w}", "find the {end} letter of the word {w}", "tell me which letter {w} {verb}s with",
    "take the {end} letter of {w}",
]
# {n} is "3", {o} is "third" or "3rd".
NTH_ORDINAL = [
    "What is the {o} letter of {w}?", "What is the {o} letter of the word {w}?", "What is the {o} letter in {w}?",
    "{o} letter of {w}", "Which letter is {o} in {w}?", "Which letter is the {o} in the word {w}?",
    "What's the {o} letter in the word {w}?", "Which is the {o} letter of {w}?", "The {o} letter of {w}?",
    "{w}: what is the {o} letter?", "In {w}, which letter comes {o}?", "Do you know the {o} letter of {w}?",
    "Which letter is in the {o} place in {w}?", "I need the {o} letter of {w}.",
    "What letter do you find in the {o} position of {w}?", "If you spell {w}, which letter is {o}?", "{w}, {o} letter?",
    "Tell me the {o} letter of {w}.", "Tell me the {o} letter in {w}.", "Name the {o} letter of {w}.",
    "Give me the {o} letter of {w}.", "Find the {o} letter of the word {w}.", "Can you tell me the {o} letter of {w}?",
    "Could you name the {o} letter of {w}?", "Please give me the {o} letter of the word {w}.",
    "Say the {o} letter of {w}.",
]
NTH_CARDINAL = [
    "What is letter {n} of {w}?", "What is letter number {n} of {w}?", "Which letter is number {n} in {w}?",
    "letter {n} of {w}", "Which letter is at position {n} in {w}?", "What is the letter at position {n} of {w}?",
    "Letter number {n} in the word {w}?", "Tell me letter number {n} of {w}.", "Give me letter {n} of the word {w}.",
    "{w}: letter {n}?", "Name letter number {n} of {w}.",
]
ORDINAL_WORDS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
ORDINALS = ["1st", "2nd", "3rd"] + [f"{n}th" for n in range(4, 13)]

CONTAINS = [
    "Does {w} contain {q}?", "Does {w} contain the letter {q}?", "Does the word {w} contain {an} {q}?",
    "Is there {an} {q} in {w}?", "Is {q} in {w}?", "Is the letter {q} in {w}?", "Is the letter {q} in the word {w}?",
    "Does {w} have {an} {q}?", "Is there any {c} in {w}?", "Does {w} have {an} {q} in it?",
    "Can you find {an} {q} in {w}?", "Has {w} got {an} {q}?", "Do you need {an} {q} to write {w}?",
    "Does the letter {q} occur in {w}?", "Does {q} appear in the word {w}?", "Is {w} written with {an} {q}?",
    "{w}: does it contain {q}?", "Is {q} one of the letters of {w}?", "Do the letters of {w} include {q}?",
    "Does {w} include the letter {q}?", "is {q} part of {w}?", "Tell me if {w} contains {an} {q}.",
    "Check if {w} contains {q}.", "Check whether there is {an} {q} in {w}.",
]
STARTS = [
    "Does {w} start with {q}?", "Does {w} begin with {q}?", "Does {w} start with {an} {q}?",
    "Does the word {w} start with the letter {q}?", "Does the word {w} begin with {an} {q}?",
    "Is {q} the first letter of {w}?", "Is the first letter of {w} {an} {q}?", "Does {q} come first in {w}?",
    "Is it true that {w} starts with {q}?", "Is {w} a word that starts with {q}?", "{w}: does it start with {q}?",
    "{w} starts with {q}, right?", "Tell me if {w} starts with {q}.", "Check if {w} begins with {q}.",
    "Would you say that {w} starts with {an} {q}?", "Do you write {w} with {an} {q} at the start?",
]
ENDS = [
    "Does {w} end with {q}?", "Does {w} end in {q}?", "Does {w} end with {an} {q}?",
    "Does the word {w} end with the letter {q}?", "Does the word {w} end in {an} {q}?",
    "Is {q} the last letter of {w}?", "Is the last letter of {w} {an} {q}?", "Does {q} come last in {w}?",
    "Is it true that {w} ends with {q}?", "Is {w} a word that ends with {q}?", "{w}: does it end with {q}?",
    "{w} ends with {q}, right?", "Tell me if {w} ends with {q}.", "Check if {w} ends in {q}.",
    "Would you say that {w} ends with {an} {q}?", "Do you write {w} with {an} {q} at the end?",
]
UPPER = [
    "{w} in upper case", "{w} in capitals", "{w} in capital letters, please.", "{w} in all caps", "{w} to uppercase",
    "What is {w} in upper case?", "What is {w} in capital letters?", "What does {w} look like in capitals?",
    "Upper case: {w}", "uppercase {w}", "How do you write {w} in capitals?", "I need {w} in upper case.",
    "I need {w} in capital letters.", "UPPERCASE: {w}", "In capitals: {w}", "What is {w} in all caps?",
]
UPPER_TASKS = [
    "write {w} in upper case", "write {w} in uppercase", "write {w} in capital letters", "write {w} in capitals",
    "write {w} in all caps", "put {w} in upper case", "put {w} in capitals", "convert {w} to upper case",
    "convert {w} to uppercase", "change {w} to upper case", "make {w} upper case", "make all letters of {w} capital",
    "convert to uppercase: {w}", "turn {w} into capital letters", "print {w} in block capitals",
]
LOWER = [
    "{w} in lower case", "{w} in small letters", "{w} in lower case letters, please.", "{w} to lowercase",
    "What is {w} in lower case?", "What is {w} in small letters?", "Lower case: {w}", "lowercase {w}",
    "How do you write {w} in lower case?", "I need {w} in lower case.", "I need {w} in small letters.",
    "In lower case: {w}", "What is {w} without capital letters?", "{w} without capitals",
]
LOWER_TASKS = [
    "write {w} in lower case", "write {w} in lowercase", "write {w} in small letters", "put {w} in lower case",
    "convert {w} to lower case", "convert {w} to lowercase", "change {w} to lower case", "make {w} lower case",
    "write {w} without capital letters", "convert to lowercase: {w}", "turn {w} into small letters",
    "make all letters of {w} small",
]
CAPITALIZE = [
    "{w} with a capital letter", "{w} with a capital first letter", "What is {w} capitalised?",
    "How do you capitalise {w}?", "{w}, capitalised", "How do you write {w} with a capital letter?",
    "What does {w} look like at the beginning of a sentence?", "I need {w} with a capital letter.",
    "How is {w} written with a capital first letter?", "Capitalised: {w}",
    "What is {w} with its first letter in upper case?",
]
CAPITALIZE_TASKS = [
    "capitalise {w}", "capitalize {w}", "capitalize the word {w}", "capitalise the word {w}",
    "write {w} with a capital letter", "write {w} with a capital first letter",
    "make the first letter of {w} upper case", "make the first letter of {w} a capital",
    "start {w} with a capital letter", "write {w} as a name, with a capital letter",
    "capitalise the first letter of {w}", "capitalize the first letter of {w}",
]
PALINDROME = [
    "Is {w} a palindrome?", "Is {w} a palindrome?", "Is the word {w} a palindrome?", "{w}: palindrome or not?",
    "{w} - a palindrome?", "Does {w} read the same backwards?", "Does {w} read the same both ways?",
    "Is {w} the same backwards?", "Is {w} the same in reverse?", "Is {w} the same forwards and backwards?",
    "If you reverse {w}, is it the same word?", "Would you call {w} a palindrome?", "Can {w} be read both ways?",
    "Do you think {w} is a palindrome?", "Is {w} still {w} when you reverse it?", "{w} is a palindrome, right?",
    "Tell me if {w} is a palindrome.", "Check if {w} is a palindrome.", "Check whether {w} is a palindrome.",
    "I want to know if {w} is a palindrome.", "Is it true that {w} is a palindrome?", "palindrome: {w}?",
]
# {a} and {b} are the words.
LONGER = [
    "Which word is {longer}, {a} or {b}?", "Which is the {longer} word, {a} or {b}?",
    "What is the {longer} word, {a} or {b}?", "Which of these words is {longer}: {a} or {b}?",
    "Is {a} or {b} the {longer} word?", "{a} or {b}: which word is {longer}?",
    "{a} or {b}, which is the {longer} word?", "Which word has {more} letters, {a} or {b}?",
    "What has {more} letters, {a} or {b}?", "Does {a} or {b} have {more} letters?",
    "{a} and {b}: which of the two words has {more} letters?", "Which has {more} letters: {a} or {b}?",
    "Of the words {a} and {b}, which one is {longer}?", "Tell me which word is {longer}, {a} or {b}.",
    "Compare {a} and {b}: which word is {longer}?", "Which of the words {a} and {b} is {longer}?",
    "I want to know which word is {longer}, {a} or {b}.", "{longer} word: {a} or {b}?",
    "Can you tell me which word has {more} letters, {a} or {b}?", "Name the {longer} of the two words {a} and {b}.",
]
# {l} is the list of words.
INITIALS = [
    "What do the first letters of {l} spell?", "What are the first letters of {l}?",
    "Take the first letter of each word: {l}", "Which word do the first letters of {l} make?",
    "What do you get from the first letters of {l}?", "What are the initials of {l}?",
    "Put the first letters of {l} together.", "Join the first letters of these words: {l}",
    "Write the first letters of {l}.", "Give me the first letter of each of these words: {l}",
    "Read the first letters only: {l}", "First letters of {l}", "I need the first letters of {l}.",
    "Combine the first letters of {l}.", "Make a word from the first letters of {l}.",
    "Tell me the first letters of {l}.", "Can you put the first letters of {l} together?",
    "The first letter of each word, please: {l}",
]
ACRONYM = [
    "What is the acronym of {l}?", "Make an acronym of {l}.", "Make an acronym from the words {l}.", "Acronym for {l}?",
    "Abbreviate {l}.", "What is the abbreviation of {l}?", "How would you abbreviate {l}?", "Form an acronym from {l}.",
    "Turn {l} into an acronym.", "Which acronym do the words {l} make?", "Create an acronym for {l}.",
    "Give me the acronym of {l}.", "I need an acronym for {l}.",
]
JOIN = [
    "{a} and {b} as one word", "Join {a} and {b}.", "Join the words {a} and {b}.", "Put {a} and {b} together.",
    "Write {a} and {b} as one word.", "What do you get if you join {a} and {b}?", "What is {a} and {b} as one word?",
    "What word do {a} and {b} make together?", "Join: {a}, {b}", "Combine {a} and {b} into one word.",
    "Combine the words {a} and {b}.", "Make one word of {a} and {b}.", "Make one word out of {a} and {b}.",
    "Concatenate {a} and {b}.", "Glue {a} and {b} together.", "Can you put {a} and {b} together as one word?",
    "Merge {a} and {b} into a single word.", "Could you join the words {a} and {b}?",
    "Please write {a} and {b} without a space.", "If I put {b} right after {a}, which word is it?",
    "Attach {b} to the end of {a}.", "Add {b} to the end of {a}.", "Add {a} in front of {b}.",
    "What is {a} followed by {b}, without a space?",
]
# {t} is a text at the very end, so that it needs no quotes; {w} always has some.
REPEAT = [
    "Repeat after me: {t}", "Repeat after me: {t}", "Repeat after me, {w}.", "Repeat after me {w}", "Repeat this: {t}",
    "Repeat: {t}", "repeat {w}", "Please repeat: {t}", "Please repeat after me: {t}", "Say this: {t}",
    "Say exactly this: {t}", "Say: {t}", "Say {w}.", "Just say {w}.", "say {w}", "Can you say {w}?",
    "Can you repeat {w}?", "Could you say {w} please?", "Repeat the following text: {t}", "Repeat the following: {t}",
    "Repeat these words: {t}", "Repeat exactly what I say: {t}", "Repeat the text {w}.", "Repeat {w} exactly.",
    "Echo {w}.", "Echo: {t}", "echo {w}", "Copy this: {t}", "Copy this text exactly: {t}", "Write {w}.",
    "Write exactly this: {t}", "Answer with {w}.", "Answer only with {w}.", "Print {w}.", "Print this text: {t}",
    "Output {w}.", "Reply with {w}.", "Reply with exactly this: {t}", "Respond with {w} and nothing else.",
    "Say {w} and nothing else.", "I want you to say {w}.", "I want you to repeat this: {t}", "Say it after me: {t}",
    "Type this: {t}", "Type {w}.", "Now say {w}.", "Would you repeat {w} for me?", "Let me hear you say {w}.",
    "My message is: {t}\nRepeat it.", "{w} - repeat that.",
]
# {times} is "three times".
TIMES = [
    "Say {w} {times}.", "Say {w} {times}.", "Repeat {w} {times}.", "Write {w} {times}.", "Say the word {w} {times}.",
    "Repeat the word {w} {times}.", "Write the word {w} {times}.", "{w} {times}, please.", "Say {w} {times} in a row.",
    "Please say {w} {times}.", "Can you say {w} {times}?", "Could you write {w} {times}?",
    "I want you to say {w} {times}.", "Type {w} {times}.", "Print {w} {times}.", "Print the word {w} {times}.",
    "Can you repeat {w} {times}?", "Now say {w} {times}.", "Write {times} the word {w}.", "Repeat {times}: {w}",
    "Echo {w} {times}.", "I need the word {w} {times}.", "Would you please repeat {w} {times}?", "Say {times} {w}.",
    "Output {w} {times}.", "say {w} {times}", "repeat {w} {times}", "write {w} {times}", "say the word {w} {times}",
    "{w} {times}", "can you say {w} {times}", "please write {w} {times}", "Hey, say {w} {times}!", "Say {w} {times}",
]
TIMES_WORDS = {
    2: ["two times", "2 times", "twice"],
    3: ["three times", "3 times"],
    4: ["four times", "4 times"],
    5: ["five times", "5 times"],
}
TEXTS = [
    "I like {}", "I see a {}", "I have the {}", "the {} is {}", "we need {} and {}", "my {} is here", "this is {}",
    "you are {}", "where is the {}", "she has a {} {}", "do not {} the {}", "{} or {}", "it was a {} day",
    "they want {}", "good {}", "a {} and a {}", "he said {}", "hello {}",
]

RHYMES = Relation(
    "rhyme",
    {
        "cat": "hat", "hat": "cat", "dog": "frog", "frog": "dog", "house": "mouse", "mouse": "house", "tree": "bee",
        "bee": "tree", "star": "car", "car": "star", "moon": "spoon", "spoon": "moon", "sun": "fun", "fun": "sun",
        "day": "play", "play": "day", "night": "light", "light": "night", "cake": "lake", "lake": "cake",
        "rain": "train", "train": "rain", "bell": "shell", "king": "ring", "ring": "king", "book": "cook",
        "cook": "book", "ball": "wall", "wall": "ball", "fish": "dish", "boat": "goat", "goat": "boat", "bed": "red",
        "red": "bed", "blue": "shoe", "shoe": "blue", "green": "queen", "queen": "green", "box": "fox", "fox": "box",
        "bear": "chair", "chair": "bear", "snow": "crow", "face": "race", "hand": "sand", "nose": "rose",
        "rose": "nose", "sky": "fly", "fly": "sky", "song": "long", "cold": "gold", "gold": "cold", "pen": "hen",
        "love": "glove", "small": "tall", "tall": "small", "bread": "head", "head": "bread", "stone": "bone",
        "bone": "stone", "rock": "clock", "clock": "rock", "door": "floor", "floor": "door", "heart": "art",
        "brown": "crown", "pink": "drink", "white": "kite", "black": "track", "sleep": "sheep", "sheep": "sleep",
        "mother": "brother", "brother": "mother", "honey": "money", "money": "honey", "wood": "good", "good": "wood",
        "eye": "pie", "time": "lime", "page": "cage", "duck": "truck", "hot": "pot", "one": "sun", "two": "blue",
        "three": "tree", "four": "door", "five": "hive", "six": "mix", "eight": "gate", "nine": "line", "ten": "hen",
    },
    "{x} rhymes with {y}.",
    np=[
        "a word that rhymes with {x}", "a rhyme for {x}", "a rhyme with {x}", "something that rhymes with {x}",
        "a word rhyming with {x}",
    ],
    ask=[
        "What rhymes with {x}?", "What rhymes with {x}?", "Which word rhymes with {x}?", "What word rhymes with {x}?",
        "Rhyme with {x}", "What does {x} rhyme with?", "Does anything rhyme with {x}?", "Find a rhyme for {x}.",
        "I need a rhyme for {x}.", "I am writing a poem. What rhymes with {x}?", "Make a rhyme with {x}.",
        "{X} rhymes with", "{X} rhymes with what?", "What can I rhyme with {x}?", "Help me rhyme {x}.",
        "Is there a rhyme for {x}?", "Which word sounds like {x} at the end?",
        "I need a word that rhymes with {x} for my song.", "Do you know any rhyme for the word {x}?", "rhyme for {x}?",
        "Rhyme {x}.",
    ],
)


# ---- words


def made_up_word(rng, longest):
    while True:
        draw = rng.random()
        if draw < 0.08:
            word = "".join(rng.choices(ALPHABET, k=rng.randint(3, 6)))
        elif draw < 0.4:
            word = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4)))
        else:
            word = "".join(piece(rng) for _ in range(rng.randint(2, 3)))
        if 3 <= len(word) <= longest:
            return word


def piece(rng):
    """Two to five letters of a word, mostly from one of its ends."""
    word, length, draw = rng.choice(WORDS), rng.randint(2, 5), rng.random()
    if draw < 0.4:
        return word[:length]
    if draw < 0.8:
        return word[-length:]
    begin = rng.randrange(max(1, len(word) - length))
    return word[begin : begin + length]


def any_word(rng, longest=12, made_up=0.3):
    if rng.random() < made_up:
        return made_up_word(rng, longest)
    return some_words(rng, 1, longest)[0]


def some_words(rng, count, longest=12):
    """Different words of the table."""
    while True:
        words = [rng.choice(WORDS) for _ in range(count)]
        if len(set(words)) == count and max(map(len, words)) <= longest:
            return words


def cased(rng, word):
    """The word, now and then with a capital or in capitals."""
    draw = rng.random()
    if draw < 0.1:
        return word.capitalize()
    return word.upper() if draw < 0.13 else word


def quotes(rng, share=0.32):
    draw = rng.random()
    if draw < share:
        return '"' if draw < share * 0.7 else "'"
    return ""


def quoted(rng, text, share=0.32):
    mark = quotes(rng, share)
    return mark + text + mark


def spelled(word):
    return letter_by_letter("-".join(word))


# ---- questions


def wording(rng, asked, tasks=()):
    """A template: a whole question, or a task that is put into one of the requests."""
    if tasks and rng.random() < 0.55:
        task = rng.choice(tasks)
        request = rng.choice(REQUESTS if " me " in task or rng.random() < 0.9 else REQUESTS_HOW)
        return request.replace("{task}", task).replace("{Task}", capitalized(task))
    return rng.choice(asked)


def as_typed(rng, template):
    """The template as different people write it; the words that will be put into it are not touched."""
    begins_small = template[0] != "{" and not template.startswith(("I ", "I'", "UPPERCASE"))
    draw = rng.random()
    if draw < 0.05:
        opening = rng.choice(OPENINGS)
        if begins_small and not opening.endswith("! "):
            template = template[0].lower() + template[1:]
        template = opening + template
    elif draw < 0.2 and begins_small:
        template = template[0].lower() + template[1:]
    draw = rng.random()
    if draw < 0.05 and template[-1] in ".?":
        template += CLOSINGS[0] if "lease" in template else rng.choice(CLOSINGS)
    elif draw < 0.08 and "lease" not in template and not template.endswith(("{l}", "{l}.", "{l}?")):
        template = template.rstrip(".?") + " please"
    elif draw < 0.28:
        template = template.rstrip(".?")
    return template


def exchange(rng, template, answer, *keys, exactly=False, **values):
    """`values` go into the template, which is varied unless `exactly`: after "Say: {t}" nothing may be added."""
    typed = template if exactly else as_typed(rng, template)
    result = question(SKILL, typed.format(**values), answer, f"phrasing words: {template}", *keys)
    result.exact_question = True
    return result


def about_word(rng, kind, word, template, answer, *parameters, **values):
    """A question about one word; the key is the word in small letters with the kind and the other parameters."""
    key = " ".join([kind, word.lower(), *parameters])
    return exchange(rng, template, answer, key, w=quoted(rng, word), **values)


def spell(rng):
    word = cased(rng, any_word(rng))
    return about_word(rng, "spell", word, wording(rng, SPELL, SPELL_TASKS), f"{word}: {spelled(word)}")


def reverse(rng):
    word = cased(rng, any_word(rng, 10))
    back = word[::-1]
    answer = f"{spelled(word)} reversed is {spelled(back)}: {letter_by_letter(back)}"
    return about_word(rng, "reverse", word, wording(rng, REVERSE, REVERSE_TASKS), answer)


def count_letters(rng):
    word = cased(rng, any_word(rng))
    answer = f"{spelled(word)}: {word} has {len(word)} letters."
    return about_word(rng, "count", word, wording(rng, COUNT, COUNT_TASKS), answer)


def letter_values(rng, letter):
    """What templates say of a letter."""
    return {"c": letter, "q": quoted(rng, letter, 0.25), "an": "an" if letter.lower() in VOICED_FIRST else "a"}


def occurrences(rng):
    word = cased(rng, any_word(rng))
    small, draw = word.lower(), rng.random()
    letter = rng.choice(ALPHABET) if draw < 0.25 else rng.choice(small)
    if draw > 0.6:
        letter = rng.choice([c for c in small if small.count(c) > 1] or small)
    asked = letter.upper() if word.isupper() or rng.random() < 0.08 else letter
    count = small.count(letter)
    if count == 0:
        found = f"there is no {asked}"
    elif count == 1:
        found = f"there is 1 {asked}"
    else:
        found = f"there are {count} {asked}'s"
    answer = f"{spelled(word)}: {found} in {word}."
    template = wording(rng, OCCURRENCES, OCCURRENCES_TASKS)
    return about_word(rng, "occurrences", word, template, answer, letter, **letter_values(rng, asked))


def first_or_last(rng):
    word = cased(rng, any_word(rng))
    end, at = rng.choice([("first", 0), ("last", -1)])
    verb = rng.choice(["start", "begin"]) if end == "first" else "end"
    answer = f"The {end} letter of {word} is {word[at]}."
    return about_word(rng, end, word, wording(rng, FIRST, FIRST_TASKS), answer, end=end, verb=verb)


def nth(rng):
    word = cased(rng, any_word(rng))
    ordinal = rng.random() < 0.7
    # The first letter by that name is another question.
    n = rng.randint(2 if ordinal else 1, len(word))
    if rng.random() < 0.06:
        n = min(len(word) + rng.randint(1, 4), 12)
    if n <= len(word):
        result = f"the {ORDINALS[n - 1]} letter is {word[n - 1]}."
    else:
        result = f"{word} has only {len(word)} letters."
    template = rng.choice(NTH_ORDINAL if ordinal else NTH_CARDINAL)
    name = ORDINAL_WORDS[n - 1] if rng.random() < 0.6 else ORDINALS[n - 1]
    return about_word(rng, "letter", word, template, f"{spelled(word)}: {result}", str(n), n=n, o=name)


def has_letter(rng):
    word = cased(rng, any_word(rng))
    small = word.lower()
    kind, templates, yes, no = rng.choice([
        ("contains", CONTAINS, "contains", "contain"),
        ("starts", STARTS, "starts with", "start with"),
        ("ends", ENDS, "ends with", "end with"),
    ])
    right = {"contains": small, "starts": small[0], "ends": small[-1]}[kind]
    if rng.random() < 0.5:
        letter = rng.choice(right)
    else:
        letters = ALPHABET if rng.random() < 0.5 else small  # small: in the word, but not where it is asked for
        letter = rng.choice([c for c in letters if c not in right] or [c for c in ALPHABET if c not in right])
    asked = letter.upper() if word.isupper() or rng.random() < 0.06 else letter
    answer = f"Yes, {word} {yes} {asked}." if letter in right else f"No, {word} does not {no} {asked}."
    return about_word(rng, kind, word, rng.choice(templates), answer, letter, **letter_values(rng, asked))


def change_case(rng):
    word = any_word(rng)
    kind = rng.choice(["upper", "upper", "lower", "capitalize"])
    if kind == "capitalize":
        answer = letter_by_letter(word.capitalize())
        return about_word(rng, kind, word, wording(rng, CAPITALIZE, CAPITALIZE_TASKS), answer)
    if rng.random() < 0.2:
        word = " ".join(some_words(rng, 2))
    if kind == "upper":
        asked = capitalized(word) if rng.random() < 0.15 else word
        return about_word(rng, kind, asked, wording(rng, UPPER, UPPER_TASKS), letter_by_letter(word.upper()))
    asked = word.upper() if rng.random() < 0.7 else capitalized(word)
    return about_word(rng, kind, asked, wording(rng, LOWER, LOWER_TASKS), letter_by_letter(word))


def palindrome(rng):
    draw = rng.random()
    if draw < 0.3:
        word = rng.choice(PALINDROMES)
    elif draw < 0.5:
        half = piece(rng)[:4]
        word = half + half[::-1][rng.randint(0, 1) :]
    else:
        word = any_word(rng, 9)
    if rng.random() < 0.08:
        word = word.capitalize()
    verdict = "yes, {} is a palindrome." if word.lower() == word.lower()[::-1] else "no, {} is not a palindrome."
    answer = f"{spelled(word)} reversed is {spelled(word[::-1])}: {verdict.format(word)}"
    return about_word(rng, "palindrome", word, rng.choice(PALINDROME), answer)


def longer(rng):
    a, b = any_word(rng, made_up=0.15), any_word(rng, made_up=0.15)
    while a == b or len(a) == len(b) and rng.random() < 0.5:
        b = any_word(rng, made_up=0.15)
    long, short = (a, b) if len(a) > len(b) else (b, a)
    asks_long = rng.random() < 0.65
    if len(a) == len(b):
        answer = f"{a} and {b} are equally long."
    else:
        answer = f"{long} is longer than {short}." if asks_long else f"{short} is shorter than {long}."
    mark = quotes(rng)
    values = {"a": mark + a + mark, "b": mark + b + mark}
    comparison = {"longer": "longer", "more": "more"} if asks_long else {"longer": "shorter", "more": "fewer"}
    return exchange(rng, rng.choice(LONGER), answer, f"longer {a} {b}", **values, **comparison)


def initials(rng):
    words = some_words(rng, rng.randint(2, 5))
    acronym = rng.random() < 0.35
    if rng.random() < 0.15:
        words = [word.capitalize() for word in words]
    letters = "".join(word[0] for word in words)
    if acronym:
        letters = letters.upper()
    listed = rng.choice([" ".join(words), ", ".join(words), ", ".join(words[:-1]) + " and " + words[-1]])
    template = rng.choice(ACRONYM if acronym else INITIALS)
    answer = f"{spelled(letters)}: {letter_by_letter(letters)}"
    return exchange(rng, template, answer, f"initials {' '.join(words).lower()}", l=listed)


def join(rng):
    while True:
        a, b = any_word(rng, 9, 0.15), any_word(rng, 9, 0.15)
        if a != b and len(a + b) <= 14 and not NUMBERS & {a, b}:
            break
    mark = quotes(rng)
    values = {"a": mark + a + mark, "b": mark + b + mark}
    return exchange(rng, rng.choice(JOIN), letter_by_letter(a + b), f"join {a} {b}", **values)


def repeat(rng):
    if rng.random() < 0.35:
        text = rng.choice(TEXTS)
        text = text.format(*some_words(rng, text.count("{}")))
    else:
        text = " ".join(any_word(rng, made_up=0.1) for _ in range(rng.randint(1, 5)))
    if rng.random() < 0.2:
        text = capitalized(text)
    if rng.random() < 0.1:
        text += rng.choice(".!?")
    values = {"t": quoted(rng, text, 0.15), "w": quoted(rng, text, 1)}
    return exchange(rng, rng.choice(REPEAT), text, f"repeat {text.lower()}", exactly=True, **values)


def repeat_times(rng):
    text = any_word(rng, made_up=0.1) if rng.random() < 0.8 else " ".join(some_words(rng, 2))
    if rng.random() < 0.1:
        text = capitalized(text)
    n = rng.randint(2, 5)
    values = {"w": quoted(rng, text), "times": rng.choice(TIMES_WORDS[n])}
    return exchange(rng, rng.choice(TIMES), " ".join([text] * n), f"times {text.lower()} {n}", exactly=True, **values)


def rhyme(rng):
    result = RHYMES.exchange(rng)
    result.skill = SKILL
    return result


KINDS = {
    spell: 22, reverse: 25, count_letters: 12, occurrences: 12, first_or_last: 4, nth: 5, has_letter: 5, change_case: 4,
    palindrome: 2, longer: 2, initials: 1.5, join: 1.5, repeat: 3, repeat_times: 1.5, rhyme: 2.5,
}
KIND_LIST, KIND_WEIGHTS = list(KINDS), list(KINDS.values())


def sample(rng):
    return rng.choices(KIND_LIST, KIND_WEIGHTS)[0](rng)
