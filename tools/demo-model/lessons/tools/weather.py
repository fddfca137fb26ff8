"""The weather and its forecast: what every example of tool calling has, and so the tools taught in the most ways."""
import json

from lessons.tools.sources import NOT_TODAY, place, some
from lessons.tools.tool import Parameter, Tool
from lessons.tools.values import VALUES, WEEKDAYS


def degrees(rng, values):
    unit = values.get("unit", "")
    return rng.randint(14, 104) if unit.startswith(("f", "F")) else rng.randint(-20, 42)


def weather_result(rng, said, values):
    """{"temperature": 18, "condition": "cloudy"} and the many other shapes of it."""
    noun = rng.random() < 0.25
    sky = rng.choice(VALUES["condition nouns" if noun else "conditions"])
    joined = ("with " if noun else "and ") + sky
    number, city, day = degrees(rng, values), said["city"], said.get("day")
    unit = said.get("unit") or rng.choice(("celsius", "celsius", "fahrenheit", ""))
    verb, when = ("will be", ("on " if day in WEEKDAYS else "") + day) if day else ("is", "")
    start, end = f"In {city} it {verb}", (f" {when}" if when else "") + "."
    letter, draw, essential = unit[:1].upper() or "C", rng.random(), [city, str(number), sky]
    if draw < 0.1:
        text = rng.choice((f"{number} {letter}, {sky}", f"{sky}, {number} {letter}"))
        return text, f"{start} {number} {letter} {joined}{end}", essential
    if draw < 0.16:
        text = f"{number} degrees and {sky}" if not noun else f"{number} degrees with {sky}"
        return text, f"{start} {number} degrees {joined}{end}", essential
    content = {}
    if rng.random() < 0.35:
        content[rng.choice(("city", "location", "place"))] = city
    if rng.random() < 0.08:
        content[rng.choice(("condition", "description", "sky", "weather"))] = sky
        there = f"In {city} there {verb}" if noun else start
        return json.dumps(content), f"{there} {sky}{end}", [city, sky]
    key = rng.choice(("temperature", "temperature", "temp", "degrees"))
    draw = rng.random()
    if draw < 0.15:
        content[key] = f"{number} {letter}"
        amount = f"{number} {letter}"
    elif draw < 0.25:
        content["temp_" + letter.lower() if rng.random() < 0.5 else "temperature_" + letter.lower()] = number
        amount = f"{number} degrees {'fahrenheit' if letter == 'F' else 'celsius'}"
    else:
        content[key] = number
        amount = f"{number} degrees"
        if unit and rng.random() < 0.7:
            content["unit"] = unit
            amount += " " + unit
    if rng.random() < 0.08:
        return json.dumps(content), f"{start} {amount}{end}", [city, str(number)]
    content[rng.choice(("condition", "condition", "description", "sky", "weather", "conditions", "summary"))] = sky
    answer = f"{start} {amount} {joined}{end}"
    if rng.random() < 0.2:
        name, value = rng.choice((
            ("humidity", rng.randint(20, 99)), ("humidity", f"{rng.randint(20, 99)}%"),
            ("wind", f"{rng.randint(2, 60)} km/h"), ("wind_speed", rng.randint(2, 60)),
            ("wind", rng.choice(("weak", "strong", "light"))),
        ))
        content[name] = value
        answer += f" The {name.replace('_', ' ')} is {value}."
        essential.append(str(value))
    if len(content) > 1 and rng.random() < 0.15:
        items = list(content.items())
        rng.shuffle(items)
        content = dict(sorted(items, key=lambda item: item[0] in ("unit", "humidity", "wind", "wind_speed")))
    return json.dumps(content), answer, essential


CITY_PARAMETER = Parameter("city location place city city_name town", place,
                           describe=["The city", "Name of the city", "Where", "The city, e.g. Rome", "City name",
                                     "The place", "Location"])
UNIT = [
    Parameter("unit units temperature_unit", some(["celsius", "fahrenheit"]), enum=["celsius", "fahrenheit"],
              describe=["The unit of the temperature", "Temperature unit"], optional=True),
    Parameter("unit units", some({"celsius": "C", "fahrenheit": "F"}), enum=["C", "F"], optional=True),
]
WEATHER = Tool(
    "get_weather get_weather get_weather weather current_weather get_current_weather weather_in check_weather "
    "fetch_weather weather_now lookup_weather weather_report",
    ["Get the current weather of a city", "Get the weather", "Returns the weather of a place",
     "Current weather in a city", "The weather now", "Tells the weather at a location", "Look up the weather",
     "Get current weather for a location", "Get the current weather in a given location",
     "Retrieves current weather information for a city", "Weather API", "Temperature and sky in a city"],
    {"city": CITY_PARAMETER, "unit": UNIT},
    np=["the weather in {city}", "the weather in {city} today", "the current weather in {city}",
        "the temperature in {city}", "the weather for {city}", "the weather like in {city} right now",
        "the weather in {city} in {unit}", "the temperature in {city} in {unit}", "the weather at the moment in {city}",
        "today's weather in {city}", "the weather report for {city}", "the current temperature in {city}",
        "the weather over in {city}"],
    ask=["How is the weather in {city}?", "How's the weather in {city}?", "What is the weather like in {city}?",
         "What's the weather like in {city} today?", "Is it raining in {city}?", "Is it sunny in {city}?",
         "Is it cold in {city}?", "Is it hot in {city} right now?", "How warm is it in {city}?",
         "How cold is it in {city}?", "How hot is it in {city} today?", "weather {city}", "{city} weather",
         "Weather in {city}?", "Weather for {city}", "Do I need an umbrella in {city}?",
         "Should I take a coat in {city} today?", "How many degrees is it in {city}?",
         "What temperature is it in {city}?", "Does it rain in {city}?", "Is it snowing in {city}?",
         "Is it windy in {city}?", "I am in {city}. How is the weather?",
         "I am going to {city}. What is the weather there?", "I travel to {city} today, how is the weather there?",
         "Is the weather good in {city}?", "temperature {city}", "Is the sun shining in {city}?",
         "Tell me how the weather is in {city}.", "Can I go out without a jacket in {city}?",
         "What's it like outside in {city}?", "How is it outside in {city} now?", "weather forecast {city}",
         "How's {city} today weather wise?", "Any rain in {city}?", "Weather, {city}, please.", "weather in {city} now",
         "What is the temperature in {city} in {unit}?", "How warm is it in {city} in {unit}?", "weather {city} {unit}",
         "How is the weather in {city}? In {unit}, please.", "Use {unit}: what is the weather in {city}?",
         "Temperature in {city} in degrees {unit}?", "Give me the weather of {city} in {unit}.",
         "What does the sky look like in {city}?", "My sister lives in {city}. What is the weather there?"],
    tells=weather_result,
    again=["And in {city}?", "What about {city}?", "How about {city}?", "and {city}?", "And {city}?",
           "The same for {city}.", "Now {city}.", "And how is it in {city}?", "{city}?", "Also {city}, please.",
           "And the weather in {city}?", "What about in {city}?", "ok and {city}", "And what is it like in {city}?",
           "Is it warmer in {city}?"],
    both=["What is the weather in {1} and {2}?", "Weather in {1} and {2}?", "How is the weather in {1} and in {2}?",
          "Tell me the weather in {1} and {2}.", "Compare the weather in {1} and {2}.",
          "Is it warmer in {1} or in {2}?", "I need the weather for {1} and {2}.", "weather {1} and {2}",
          "Check the weather in both {1} and {2}.", "How warm is it in {1} and {2}?"],
    words=r"weather|rain|sun|snow|cold|hot|warm|temperature|degrees|wind|cloud|umbrella|forecast|sky|outside",
)
FORECAST = Tool(
    "get_forecast forecast weather_forecast get_weather_forecast daily_forecast",
    ["Get the weather forecast of a city", "The weather of the next days", "Forecast for a city and a day",
     "Returns the forecast for a day"],
    {"city": CITY_PARAMETER, "day": Parameter("day date when", NOT_TODAY, describe=["The day"])},
    np=["the weather in {city} on {day}", "the forecast for {city} for {day}",
        "the weather forecast for {city} for {day}"],
    ask=["What will the weather be in {city} {day}?", "How will the weather be {day} in {city}?",
         "Will it rain in {city} {day}?", "How warm will it be in {city} {day}?", "forecast {city} {day}",
         "Is it going to be sunny {day} in {city}?", "{day} weather in {city}?", "Will it be cold {day} in {city}?"],
    tells=weather_result,
    again=["And in {city}?", "What about {city}?", "and {city}?", "And for {city}?", "How about {city}?"],
    words=WEATHER.words,
)
