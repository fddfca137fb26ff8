"""Which tools a request lists: the one that it asks for, and others that do not serve it."""
from lessons.tools.calculators import CALCULATOR
from lessons.tools.catalogue import TOOLS
from lessons.tools.made_of_parts import some_parts
from lessons.tools.tool import Listed
from lessons.tools.weather import FORECAST, WEATHER

# Of two tools that serve the same request only one is listed.
ALIKE = [
    {"get_weather", "get_forecast"}, {"send_message", "send_email", "call_person"},
    {"create_note", "add_todo", "set_reminder"}, {"set_alarm", "set_timer", "set_reminder"},
    {"convert_currency", "convert_units"}, {"add_to_shopping_list", "add_todo", "create_note"},
    {"get_order", "track_package"}, {"find_restaurant", "book_table"}, {"set_reminder", "create_event"},
    {"open_website", "open_app", "read_file"}, {"get_directions", "order_taxi"},
    {"roll_dice", "random_number", "flip_coin"}, {"calculator", "calculate_tip", "convert_units", "convert_currency"},
    {"translate", "define_word"}, {"get_distance", "get_directions"},
    {"set_temperature", "get_weather", "get_forecast"},
    {"web_search", "get_news", "get_recipe", "get_movie", "find_book", "find_restaurant", "book_flight",
     "open_website"},
    {"get_time", "get_sunrise"}, {"play_song", "stop_music"}, {"start_vacuum", "set_lights"},
    {"read_file", "print_document", "delete_file"}, {"send_money", "convert_currency"}, {"book_hotel", "book_flight"},
    {"find_book", "get_movie"}, {"get_time", "set_alarm"},
]
NOT_BESIDE = {}
for _group in ALIKE:
    for _kind in _group:
        NOT_BESIDE.setdefault(_kind, set()).update(_group)


def kinds_not_beside(kind):
    """The kinds of tools that are not listed beside one of this kind."""
    return NOT_BESIDE.get(kind, set()) | {kind}


def distractors(rng, tool, count, listed):
    """Adds `count` tools to the list, none of which serves what `tool` does."""
    names = {one.name for one in listed}
    avoid = kinds_not_beside(tool.kind)
    for _ in range(count):
        draw = rng.random()
        if draw < 0.15 and "calculator" not in avoid:
            other = CALCULATOR
        elif draw < 0.3 and "get_weather" not in avoid:
            other = WEATHER
        else:
            other = rng.choice(TOOLS)
        if other.kind in avoid or tool.made_of_parts and tool.could_serve(other.all_names):
            continue
        one = Listed(rng, other)
        if one.name not in names:
            names.add(one.name)
            avoid |= kinds_not_beside(other.kind)
            listed.append(one)
    rng.shuffle(listed)
    return listed


def choose(rng):
    """A tool that is asked for, in a list with others: the tool and the list."""
    draw = rng.random()
    if draw < 0.2:
        listed = [Listed(rng, WEATHER if rng.random() < 0.85 else FORECAST)]
    elif draw < 0.58:
        listed = [Listed(rng, rng.choice(TOOLS))]
    else:
        tool, others = some_parts(rng)
        listed = [Listed(rng, tool)]
        for other in others:
            one = Listed(rng, other)
            if all(one.name != o.name for o in listed):
                listed.append(one)
    wanted = listed[0]
    return wanted, distractors(rng, wanted.tool, max(0, rng.choice((0, 1, 1, 2, 2, 3, 4)) - len(listed) + 1), listed)
