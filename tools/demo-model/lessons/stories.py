"""Short stories. The hero decides everything: name, place, thing and plot, unless the request names one of them.

So the same request always gets the same story, and what has to be learnt is: for each kind of hero a name, a place, a
thing, a friend and a plot; for each plot the sentences. Kinds that are not in the table share one row.
"""
from lessons.base import Exchange, assistant, capitalized, made_up_name, user, with_article

# kind: name, he/she, place, thing, friend, plot
HEROES = {
    "fox": ("Rusty", "he", "in the forest", "a red ball", "owl", "stuck"),
    "cat": ("Luna", "she", "in the garden", "a silver bell", "sparrow", "heard"),
    "dog": ("Bello", "he", "at the beach", "a wooden box", "crab", "locked"),
    "mouse": ("Pip", "she", "in the kitchen", "a piece of cheese", "ant", "heavy"),
    "rabbit": ("Clover", "she", "in the meadow", "a golden carrot", "mole", "hungry"),
    "bear": ("Bruno", "he", "by the river", "a jar of honey", "bee", "locked"),
    "wolf": ("Grim", "he", "in the mountains", "a warm scarf", "sheep", "storm"),
    "owl": ("Olivia", "she", "in the old tower", "a small lamp", "bat", "lost"),
    "bird": ("Sky", "she", "on the hill", "a shiny ring", "squirrel", "owner"),
    "duck": ("Dora", "she", "on the lake", "a paper boat", "frog", "storm"),
    "frog": ("Hopper", "he", "by the pond", "a green bottle", "snail", "locked"),
    "horse": ("Thunder", "he", "on the farm", "a blue ribbon", "boy", "owner"),
    "cow": ("Bella", "she", "in the field", "a brass bell", "goat", "heard"),
    "pig": ("Rosie", "she", "behind the barn", "a big apple", "hen", "hungry"),
    "sheep": ("Woolly", "she", "on the green hill", "a long rope", "dog", "stuck"),
    "goat": ("Billy", "he", "on the cliff", "an old map", "eagle", "lost"),
    "hen": ("Greta", "she", "in the yard", "a white egg", "duck", "owner"),
    "lion": ("Leo", "he", "in the savanna", "a golden crown", "mouse", "stuck"),
    "tiger": ("Raja", "he", "in the jungle", "a silver drum", "parrot", "heard"),
    "elephant": ("Ella", "she", "near the great river", "a huge melon", "monkey", "heavy"),
    "giraffe": ("Gino", "he", "under the tall trees", "a red kite", "bird", "stuck"),
    "monkey": ("Momo", "he", "in the palm trees", "a yellow hat", "turtle", "owner"),
    "penguin": ("Percy", "he", "on the ice", "a striped umbrella", "seal", "storm"),
    "turtle": ("Tilda", "she", "on the warm sand", "a pink shell", "gull", "heavy"),
    "squirrel": ("Nutty", "he", "in the oak wood", "a giant nut", "badger", "hungry"),
    "hedgehog": ("Spike", "he", "in the autumn leaves", "a small blanket", "mouse", "storm"),
    "dolphin": ("Finny", "she", "in the bay", "a glass bottle", "whale", "owner"),
    "whale": ("Walter", "he", "in the deep sea", "an old anchor", "octopus", "heavy"),
    "fish": ("Goldie", "she", "in the coral reef", "a bright pearl", "seahorse", "owner"),
    "snail": ("Sally", "she", "in the vegetable patch", "a tiny flag", "beetle", "lost"),
    "bee": ("Buzz", "he", "among the flowers", "a drop of honey", "butterfly", "hungry"),
    "dragon": ("Ember", "he", "in a dark cave", "a cold torch", "knight", "lost"),
    "unicorn": ("Stella", "she", "in the moonlit valley", "a magic mirror", "fairy", "heard"),
    "robot": ("Beep", "he", "in the workshop", "an old clock", "mechanic", "broken"),
    "girl": ("Anna", "she", "in the old house", "a small key", "cat", "locked"),
    "boy": ("Tom", "he", "at the lake", "a little boat", "fisherman", "broken"),
    "woman": ("Clara", "she", "in the village", "a wooden flute", "shepherd", "heard"),
    "man": ("Henry", "he", "in the city", "a lost letter", "postman", "owner"),
    "king": ("Arthur", "he", "in the castle", "a rusty sword", "smith", "broken"),
    "queen": ("Helena", "she", "in the palace garden", "a white rose", "gardener", "lost"),
    "princess": ("Lily", "she", "in the high tower", "a silk rope", "cook", "locked"),
    "prince": ("Felix", "he", "in the royal stable", "a golden saddle", "horse", "heavy"),
    "knight": ("Roland", "he", "at the old bridge", "a big shield", "dragon", "broken"),
    "pirate": ("Jack", "he", "on a lonely island", "a treasure chest", "parrot", "locked"),
    "sailor": ("Max", "he", "on the wide sea", "a brass compass", "dolphin", "lost"),
    "witch": ("Wanda", "she", "in the swamp", "a magic broom", "raven", "broken"),
    "wizard": ("Marvin", "he", "in the tall tower", "a book of spells", "cat", "heavy"),
    "farmer": ("Otto", "he", "on the farm", "a giant pumpkin", "neighbour", "heavy"),
    "baker": ("Bruna", "she", "in the bakery", "a bag of flour", "mouse", "hungry"),
    "teacher": ("Emma", "she", "in the school", "an old globe", "pupil", "broken"),
    "doctor": ("Nora", "she", "in the small town", "a black bag", "nurse", "owner"),
    "astronaut": ("Neil", "he", "on the moon", "a strange stone", "robot", "heavy"),
    "giant": ("Hugo", "he", "in the mountains", "a tiny chair", "dwarf", "broken"),
    "fairy": ("Iris", "she", "in the rose garden", "a silver wand", "beetle", "stuck"),
    "ghost": ("Boo", "he", "in the attic", "an old piano", "spider", "heard"),
    "child": ("Mia", "she", "in the park", "a red balloon", "pigeon", "stuck"),
}
DEFAULT = "fox"
OTHER = ("Milo", "he", "in a quiet valley", "a small lantern", "bird", "owner")
OTHER_KINDS = (
    "crocodile camel zebra panda koala kangaroo puppy kitten lamb pony donkey rat bat crow raven eagle swan goose "
    "turkey parrot spider ant beetle butterfly worm crab octopus shark seal otter beaver badger mole deer moose snake "
    "lizard dinosaur dwarf elf troll monster mermaid vampire zombie alien snowman clown ninja cowboy soldier policeman "
    "fireman pilot nurse lawyer painter singer writer dancer cook tailor student scientist gardener carpenter shepherd "
    "thief detective spy train car boat teapot clock tree cloud star moon flower chair shoe pencil computer lamp house "
    "mountain river balloon"
).split()
TOPICS = (
    "love|friendship|winter|summer|Christmas|the sea|school|courage|a journey|an adventure|space|magic|a birthday|"
    "football|food|a storm|war|peace|animals|something|anything|the future|a holiday|a secret|music|happiness|nothing|"
    "the night|life"
).split("|")
PLURALS = {"fox": "foxes", "mouse": "mice", "wolf": "wolves", "sheep": "sheep", "fish": "fish", "fairy": "fairies",
           "witch": "witches", "woman": "women", "man": "men", "child": "children", "princess": "princesses"}
FEMALE = ["girl", "woman", "queen", "princess", "witch", "fairy"]
MALE = ["boy", "man", "king", "prince", "wizard", "knight"]

# {N} name, {p} and {P} he/she, {o} him/her, {the} "the ball", {f} the friend's kind
PLOTS = {
    "stuck": "But {the} got stuck high up in a tree, and {N} could not reach it. Then a friendly {f} came by and "
             "brought it down. {N} thanked the {f}, and they played together until evening.",
    "heard": "When {N} touched {the}, it made a soft sound that woke a sleeping {f}. {N} was sorry and sang a quiet "
             "song. The {f} smiled and fell asleep again.",
    "locked": "It seemed to hold a secret, but {N} did not understand it. A clever {f} helped {o} to look at it "
              "closely. Under it they found a note with the words: share and be happy.",
    "heavy": "{N} wanted to take {the} home, but it was far too heavy. A strong {f} came and pushed while {N} pulled. "
             "At home they shared a big supper.",
    "hungry": "{N} was hungry and wanted to keep {the}. Then {p} saw a poor {f} who had eaten nothing all day. {N} "
              "gave half of it away, and both were happy.",
    "storm": "Suddenly a storm began, and {N} was afraid. A small {f} was cold and wet too. {N} used {the} to keep "
             "both of them safe, and soon the sun came back.",
    "lost": "{P} looked at {the} for so long that {p} lost the way home. A wise {f} knew every path and walked with "
            "{o}. {N} was glad to be home before dark.",
    "owner": "{N} liked {the} very much, but it belonged to somebody else. {P} asked everyone until a sad {f} said: it "
             "is mine. {N} gave it back and found a new friend.",
    "broken": "{N} wanted to use {the}, but it was broken. A patient {f} showed {o} how to repair it. They worked all "
              "day, and in the end it was as good as new.",
}

NAMES = {
    "she": "Anna Maria Emma Julia Lena Sofia Laura Sarah Lisa Nina Clara Eva Ida Mia Lucy Alice Kate Jane Mary Helen "
           "Ruth Grace Rosa Olga Nora Elsa Hanna Paula Diana Bella Chloe Ella Amy Zoe Ivy Holly Daisy Emily Lily Molly "
           "Ruby".split(),
    "he": "Tom Max Paul Peter Ben Leo Felix Jonas Lukas Oscar Hugo Emil Noah Finn Jack Harry George James John Robert "
          "David Daniel Martin Simon Adam Sam Joe Bob Bill Frank Luca Ivan Boris Omar Ali Lars Erik Nils Karl Otto Rex "
          "Bruno".split(),
}
PET_NAMES = (
    "Milo Coco Fluffy Snowy Shadow Ginger Peanut Toby Pepper Smokey Mittens Cookie Socks Spot Kiki Charlie Lucky"
).split()
PLACES = (
    "in the garden|in the forest|in the city|on the moon|at the beach|in the snow|on a ship|in a castle|on an island|"
    "by the river|in the mountains|at school|in space|in the desert|on a farm|in the jungle|in a cave|at the lake|"
    "in the kitchen|in London|in Paris|in a small village|under the sea|on a train|in the park|in a tower|"
    "in the library|at the zoo|in the attic|in the rain"
).split("|")
THINGS = (
    "a boat|a ball|a key|a hat|a book|a lamp|a drum|a kite|a bell|a map|a crown|a mirror|a ring|a box|a bottle|"
    "a balloon|a clock|a flower|a stone|a chair|a shoe|a star|a feather|a cake|an apple|an egg|an umbrella|a guitar|"
    "a letter|a coin|a treasure|a magic wand|a red car|a golden fish|a blue door|a wooden sword|a pumpkin|a snowman|"
    "a sandwich|a toy train"
).split("|")

# ---- requests. {w} who it is about, {n} a name, {t} a thing, {f} a friend

ANY = [
    "Tell me a "
    "story.", "Tell me a story.", "Tell me a short story.", "Write a story.", "Tell a story.", "Story, please.",
    "A story!",
    "Can you tell me a "
    "story?", "I want to hear a story.", "Make up a story.", "Please tell me a story.", "Write me a short story.",
    "Tell me a bedtime "
    "story.", "Give me a story.", "Could you tell me a story?", "I would like a story.", "Do you know a story?",
    "Once upon a "
    "time", "Tell me a tale.", "Write a fairy tale.", "I need a bedtime story.", "Tell me something with a happy end.",
    "Read me a "
    "story.", "Let me hear a story.", "Tell us a story.", "Invent a story.", "Write a little story for me.",
    "story time!",
    "Tell me a nice story.", "Can you make up a short story?", "story", "A short story, please.", "Tell me any story.",
    "Tell my children a "
    "story.", "A bedtime story, please.", "Tell me an animal story.", "Begin a story.", "How about a story?",
    "Would you tell me a story?", "I can't sleep. Tell me a story.", "Write a short tale.", "Come up with a story.",
]
ABOUT = [
    "Tell me a story about "
    "{w}.", "Tell me a story about {w}.", "Write a story about {w}.", "Tell me a short story about {w}.",
    "A story about {w}, "
    "please.", "Write a short tale about {w}.", "Can you tell me a story about {w}?", "Make up a story about {w}.",
    "I want to hear a story about "
    "{w}.", "Please write a story about {w}.", "Do you know a story about {w}?", "story about {w}",
    "Tell me a bedtime story about {w}.", "Give me a story about {w}.", "Could you write a short story about {w}?",
    "I would like a story about "
    "{w}.", "Tell a tale of {w}.", "Another story about {w}.", "Tell me another story about {w}.",
    "Write me a story with "
    "{w}.", "Tell me a story with {w} in it.", "Invent a story about {w}.", "My child wants a story about {w}.",
    "Now a story about "
    "{w}.", "Write a fairy tale about {w}.", "Let me hear a story about {w}.", "Tell us about {w}, as a story.",
    "Compose a little story about "
    "{w}.", "Can you make up a tale about {w}?", "What about a story about {w}?", "A short tale about {w}!",
    "Please tell me a nice story about "
    "{w}.", "I need a story about {w}.", "Create a story about {w}.", "Read me a story about {w}.",
    "Tell a story about "
    "{w}.", "Begin a story about {w}.", "Write a few sentences of a story about {w}.", "Narrate a story about {w}.",
    "Would you tell me a story about {w}?", "How about a story about {w}?", "I'd love a story about {w}.", "story: {w}",
]
CONTINUE = [
    "Once upon a time there was {w}", "Once upon a time there was {w}.", "Once upon a time, there was {w}...",
    "Continue: once upon a time there was "
    "{w}", "Once there was {w}.", "There once was {w}", "Go on: Once upon a time there was {w}",
    "Continue the story: Once upon a time there was {w}", "A story begins: there was {w}.", "once upon a time {w}",
]
CALLED = ["called {n}", "called {n}", "named {n}", "with the name {n}", "whose name is {n}"]
WITH_THING = ["and {t}", "who finds {t}", "with {t}", "who found {t}"]
WITH_FRIEND = ["and {f}", "and {f}", "who meets {f}", "and a friend, {f}", "who is helped by {f}"]
HERO_FORMS = ["the {x}", "my {x}", "a little {x}", "a brave {x}", "a clever {x}", "a small {x}", "a young {x}"]


def bare(thing):
    """ "a red ball" without its article."""
    return thing.split(" ", 1)[1]


def article(kind):
    return "a unicorn" if kind == "unicorn" else with_article(kind)


def story(kind=None, name=None, place=None, thing=None, friend=None):
    """The story that follows from what a request names."""
    if kind is None and name is not None:
        kind = "girl" if name in NAMES["she"] else "boy" if name in NAMES["he"] else DEFAULT
    kind = kind or DEFAULT
    own_name, pronoun, own_place, own_thing, own_friend, plot = HEROES.get(kind, OTHER)
    if kind not in FEMALE + MALE and name in NAMES["she"] + NAMES["he"]:
        pronoun = "she" if name in NAMES["she"] else "he"
    if thing and plot == "hungry":  # one cannot give half of a hat away
        plot = "owner"
    name, place, thing, friend = name or own_name, place or own_place, thing or own_thing, friend or own_friend
    text = PLOTS[plot].format(
        N=name, p=pronoun, P=capitalized(pronoun), o="her" if pronoun == "she" else "him", the="the " + bare(thing),
        f=friend,
    )
    return (
        f"Once upon a time there was {article(kind)} called {name}. One day {name} was {place} and found {thing}. "
        f"{text} The end."
    )


def exchange(ask, phrasing, kind=None, **given):
    keys = [f"phrasing story {phrasing}"] if phrasing not in (ANY[0], ABOUT[0]) else []
    if kind or given:
        values = " ".join(filter(None, [kind, *given.values()]))
        keys.append(f"combination story {phrasing} {values}")
    text = story(kind, **given)
    expect = {"contains": [given.get("name") or kind or DEFAULT, "The end."]}
    return Exchange("stories", [user(ask), assistant(text)], keys, expect=expect)


def any_name(rng, kind):
    draw = rng.random()
    if kind in FEMALE + MALE:
        return rng.choice(NAMES["she" if kind in FEMALE else "he"])
    if draw < 0.3:
        return made_up_name(rng)
    return rng.choice(PET_NAMES) if draw < 0.5 else rng.choice(NAMES[rng.choice(["she", "he"])])


def sample(rng):
    draw = rng.random()
    if draw < 0.15:
        ask = rng.choice(ANY)
        return exchange(ask, ask)
    frame = rng.choice(CONTINUE if draw > 0.9 else ABOUT)
    if draw < 0.19:
        return exchange(frame.format(w=rng.choice(TOPICS)), frame)
    kind, given = rng.choice(list(HEROES)), {}
    if rng.random() < 0.2:
        kind = rng.choice(OTHER_KINDS)
    hero = article(kind)
    if draw < 0.29:
        kind, given["name"] = None, rng.choice(NAMES[rng.choice(["she", "he"])])
        hero = given["name"]
    elif draw < 0.5:
        given["name"] = any_name(rng, kind)
        hero += " " + rng.choice(CALLED).format(n=given["name"])
    more = rng.random()
    if more < 0.22:
        given["place"] = rng.choice(PLACES)
        hero += " " + given["place"]
    elif more < (0.55 if kind is None else 0.42):
        given["thing"] = rng.choice(THINGS)
        hero += " " + rng.choice(WITH_THING).format(t=given["thing"])
    elif more < 0.68:
        while (friend := rng.choice(list(HEROES))) == kind:
            pass
        given["friend"] = friend
        hero += " " + rng.choice(WITH_FRIEND).format(f=article(friend))
    elif more < 0.76 and kind and not given:
        hero = rng.choice(HERO_FORMS).format(x=kind)
        if frame not in CONTINUE and kind in HEROES and rng.random() < 0.5:
            hero = PLURALS.get(kind, kind + "s")
    return exchange(frame.format(w=hero), frame, kind, **given)
