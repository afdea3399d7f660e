"""The methods of the Bot API, by what they do to other people: the table that the guard of a bot goes by.

What stands in none of the tables is not passed on; a new method of Telegram is refused until it is read.

Source: core.telegram.org/bots/api, "Available methods"; names are case-insensitive there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from firewall.core.subject import Form


class Place(StrEnum):
    """What says where a call takes effect."""

    CHAT = "chat"
    MESSAGE = "message"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """A method that shows or changes something in one place.

    Attributes:
        place: What says where.
        form: What kind of thing it shows.
        takes: Its parameters besides those of the place; with any other parameter it is not passed on.
        plain: Parameters set to these values whatever the bot says.
    """

    place: Place
    form: Form = Form.MESSAGE
    takes: frozenset[str]
    plain: Mapping[str, object] | None = None


# What names a place or a message in it. An inline message has no chat, so nobody knows who reads it:
# `inline_message_id` is not among them.
PLACED: Mapping[Place, frozenset[str]] = {
    Place.CHAT: frozenset(
        {"chat_id", "message_thread_id", "direct_messages_topic_id", "business_connection_id"}
    ),
    Place.MESSAGE: frozenset({"chat_id", "message_id", "message_ids", "business_connection_id"}),
    Place.QUERY: frozenset({"callback_query_id"}),
}

# A preview is fetched from the link's target, which is told the whole address.
_NO_PREVIEW = {"link_preview_options": {"is_disabled": True}}
_SENT = frozenset(
    {
        *("disable_notification", "protect_content", "message_effect_id", "allow_paid_broadcast"),
        *("reply_parameters", "reply_markup"),
    }
)


def _sends(*takes: str, form: Form = Form.MESSAGE, plain: Mapping[str, object] | None = None) -> Says:
    return Says(place=Place.CHAT, form=form, takes=_SENT | set(takes) | set(plain or {}), plain=plain)


def _touches(*takes: str, form: Form = Form.EDIT, plain: Mapping[str, object] | None = None) -> Says:
    return Says(place=Place.MESSAGE, form=form, takes=frozenset({*takes, *(plain or {})}), plain=plain)


_CAPTION = ("caption", "caption_entities", "parse_mode")
_MOVING = ("duration", "width", "height", "has_spoiler", "show_caption_above_media")
_SPOT = ("latitude", "longitude", "horizontal_accuracy", "live_period", "heading", "proximity_alert_radius")
_PLACES = ("title", "address", "foursquare_id", "foursquare_type", "google_place_id", "google_place_type")
_POLL = (
    *("question", "question_entities", "question_parse_mode", "options", "is_anonymous", "type"),
    *("allows_multiple_answers", "correct_option_id", "correct_option_ids", "is_closed", "explanation"),
    *("explanation_entities", "explanation_parse_mode", "open_period", "close_date", "allows_revoting"),
    *("description", "description_entities", "description_parse_mode", "shuffle_options"),
)

SAYS: Mapping[str, Says] = {
    "sendMessage": _sends("text", "entities", "parse_mode", plain=_NO_PREVIEW),
    "sendMessageDraft": Says(
        place=Place.CHAT,
        form=Form.CHUNK,
        takes=frozenset({"draft_id", "text", "entities", "parse_mode"}),
    ),
    "sendDocument": _sends("document", *_CAPTION, "disable_content_type_detection", form=Form.FILE),
    "sendPhoto": _sends("photo", "has_spoiler", "show_caption_above_media", *_CAPTION, form=Form.FILE),
    "sendVideo": _sends("video", *_MOVING, "supports_streaming", *_CAPTION, form=Form.FILE),
    "sendAnimation": _sends("animation", *_MOVING, *_CAPTION, form=Form.FILE),
    "sendAudio": _sends("audio", "duration", "performer", "title", *_CAPTION, form=Form.FILE),
    "sendVoice": _sends("voice", "duration", *_CAPTION, form=Form.FILE),
    "sendMediaGroup": _sends("media", form=Form.FILE),
    "sendPoll": _sends(*_POLL),
    "sendLocation": _sends(*_SPOT),
    "sendVenue": _sends("latitude", "longitude", *_PLACES),
    "sendContact": _sends("phone_number", "first_name", "last_name", "vcard"),
    "sendDice": _sends("emoji"),
    "editMessageText": _touches("text", "entities", "parse_mode", "reply_markup", plain=_NO_PREVIEW),
    "editMessageCaption": _touches(*_CAPTION, "show_caption_above_media", "reply_markup"),
    "editMessageReplyMarkup": _touches("reply_markup"),
    "editMessageLiveLocation": _touches(*_SPOT, "reply_markup"),
    "stopMessageLiveLocation": _touches("reply_markup"),
    "stopPoll": _touches("reply_markup"),
    "deleteMessage": _touches(),
    "deleteMessages": _touches(),
    "setMessageReaction": _touches("reaction", "is_big"),
    "pinChatMessage": _touches("disable_notification"),
    "unpinChatMessage": _touches(),
    "answerCallbackQuery": Says(
        place=Place.QUERY, form=Form.NOTICE, takes=frozenset({"text", "show_alert", "url", "cache_time"})
    ),
}

# Reads, and what a library asks for itself. What a read brings is on no record of the turn, so no guarded
# model is told of it.
QUIET: frozenset[str] = frozenset(
    {
        *("getMe", "getUpdates", "getWebhookInfo", "sendChatAction"),
        *("getFile", "getChat", "getChatMember", "getChatMemberCount", "getChatAdministrators"),
        *("getBusinessConnection", "getUserProfilePhotos", "getUserChatBoosts", "getStickerSet"),
        *("getCustomEmojiStickers", "getForumTopicIconStickers", "getMyCommands", "getMyName"),
        *("getMyDescription", "getMyShortDescription", "getMyDefaultAdministratorRights"),
        *("getChatMenuButton", "getGameHighScores", "getAvailableGifts", "getMyStarBalance"),
    }
)

# Where every later update of everybody's is delivered: the operator's to say, so in nobody's turn.
OPERATORS: frozenset[str] = frozenset({"setWebhook", "deleteWebhook"})

# Words about the bot that everybody reads: passed on before the application is started, when it has
# heard nobody, and never afterwards.
AT_START: frozenset[str] = frozenset(
    {
        *("setMyCommands", "deleteMyCommands", "setMyName", "setMyDescription", "setMyShortDescription"),
        *("setMyDefaultAdministratorRights", "setChatMenuButton"),
    }
)
