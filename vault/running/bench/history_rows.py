"""What the long history consists of: a loan, a payment and a top-up of each number, and what they leave behind.

Timelines, and what else is only ever read by the row that it belongs to, are there for the newest tenth.
"""

from c2b.models import C2bEvent, C2bTransaction, KnownAccount, Posting, StatementLine, StkPush
from common.models import AuditLine, InboundMessage
from disbursements.models import Attempt, Disbursement, Event
from partners.events.models import PartnerEvent, WebhookDelivery, WebhookTry
from sms.models import SmsEvent, SmsNotification
from vault.running.bench.history import Rows
from wallet.bank_models import BankCredit, BankCreditEvent, BankDebit, TopUp, TopUpEvent
from wallet.models import Hold, LedgerLine, ObservedBalance, Transfer, WalletTransaction
from wallet.purchases import FloatPurchase


def _id(kind: int, of: str = "n") -> str:
    return f"bench_id({kind}, at, {of})"


def _text(words: str) -> str:
    return f"'{words}'"


def _receipt(letter: str) -> str:
    return f"'{letter}' || upper(lpad(to_hex(n), 9, '0'))"


def _after(seconds: float) -> str:
    return f"at + interval '{seconds} s'"


LOAN, ATTEMPT, SMS, RECEIPT, PAYMENT, HOLD, TOPUP, CREDIT, MESSAGE, AUDIT, TOLD, PUSHED, TRY, PROMPT = range(
    1, 15
)
EVENT, TRANSFER, WALLET_LINE, FLOAT_LINE, SMS_EVENT, PAYMENT_EVENT, OTHERS = range(0x100, 0x800, 0x100)

_PAID = "loan in ('paid', 'completed')"
_ASKED = "loan not in ('held', 'ready', 'detected', 'cancelled')"
_MATCHED = "payment not in ('received', 'unmatched', 'reversed')"
_SOON = "case when fresh then (select moment from bench_now) + interval '10 min' end"
_CHECKS = _text(
    '[{"ok": true, "rule": "loan", "words": "Mifos still has it approved, with the same amount."}, '
    '{"ok": true, "rule": "client", "words": "The client is active."}, '
    '{"ok": true, "rule": "phone", "words": "A Kenyan mobile number."}, '
    '{"ok": true, "rule": "amount", "words": "Within the limits of the product and of M-Pesa."}, '
    '{"ok": true, "rule": "funds", "words": "The wallet has the charge, the float the amount."}]'
)

LOANS = [
    Rows(
        model=Disbursement,
        values={
            "id": _id(LOAN),
            "partner_id": "partner_id",
            "source": "case when n % 10 = 0 then 'api' else 'mifos' end",
            "status": "loan",
            "mifos_partner_id": "case when n % 10 <> 0 then mifos_id end",
            "product_id": "case when n % 10 <> 0 then product_id end",
            "mifos_loan_id": "case when n % 10 <> 0 then n end",
            "loan_account_no": "case when n % 10 <> 0 then account else '' end",
            "mifos_client_id": "case when n % 10 <> 0 then client end",
            "client_request_id": "case when n % 10 = 0 then 'request-' || n end",
            "client_name": "name",
            "phone": "phone",
            "amount": "amount",
            "gross_amount": "amount",
            "approved_on": "at::date",
            "hold_cause": "case loan when 'held' then (array['by_person', 'wallet_funds', 'phone'])[1 + n % 3]"
            " else '' end",
            "reason": "case loan when 'held' then 'A check said no.' when 'failed' then 'M-Pesa refused it.'"
            " else '' end",
            "checks": _CHECKS + "::jsonb",
            "attention": "case when fresh and n % 21 < 3 then 'Look at it, and say what is to be done.' else '' end",
            "attention_at": "case when fresh and n % 21 < 3 then at end",
            "touched_by_person": "n % 61 = 0",
            "attempts_made": f"case when {_ASKED} then 1 else 0 end",
            "receipt": f"case when {_PAID} then {_receipt('S')} else '' end",
            "recipient_name": f"case when {_PAID} then upper(name) else '' end",
            "name_differs": "n % 701 = 0",
            "charge": f"case when {_ASKED} then 25 end",
            "mpesa_cost": f"case when {_PAID} then 9 end",
            "record_tries": f"case when {_PAID} then 1 + (n % 101 = 0)::int else 0 end",
            "mifos_transaction_id": "case when loan = 'completed' and n % 10 <> 0 then n end",
            "detected_at": "at",
            "checked_at": _after(0.2),
            "sent_at": f"case when {_ASKED} then {_after(0.3)} end",
            "accepted_at": f"case when {_ASKED} then {_after(0.8)} end",
            "paid_at": f"case when {_PAID} then {_after(2.5)} end",
            "settled_at": f"case when {_PAID} or loan = 'failed' then {_after(3)} end",
            "completed_at": f"case when loan = 'completed' then {_after(3.4)} end",
            "outside_ms": "1500 + n % 1000",
            "next_step_at": _SOON,
            "correlation_id": "replace(" + _id(LOAN) + "::text, '-', '')",
            "moved_at": _after(3.4),
        },
    ),
    Rows(
        model=Attempt,
        values={
            "id": _id(ATTEMPT),
            "disbursement_id": _id(LOAN),
            "number": "1",
            "shortcode_id": "shortcode_id",
            "status": "case when loan = 'completed' then 'paid' else loan end",
            "phone": "phone",
            "amount": "amount",
            "charge": "25",
            "mpesa_cost": f"case when {_PAID} then 9 end",
            "conversation_id": "'AG_' || md5(n::text)",
            "receipt": f"case when {_PAID} then {_receipt('S')} else '' end",
            "result_code": f"case when {_PAID} then '0' when loan = 'failed' then '2001' else '' end",
            "result_text": f"case when {_PAID} then 'The service request is processed successfully.' else '' end",
            "first_sent_at": _after(0.3),
            "last_sent_at": _after(0.3),
            "settled_at": f"case when {_PAID} or loan = 'failed' then {_after(3)} end",
            "moved_at": _after(3),
        },
        where=_ASKED,
    ),
    Rows(
        model=Event,
        values={
            "id": f"bench_id({EVENT} + k, at + k * interval '0.6 s', n)",
            "disbursement_id": _id(LOAN),
            "old": "case k when 0 then '' else steps[k] end",
            "new": "steps[k + 1]",
            "who": "case steps[k + 1] when 'paid' then 'mpesa' when 'detected' then 'mifos' else 'us' end",
            "note": "'It went on to the next step, as was to be expected.'",
            "evidence": """case steps[k + 1] when 'paid' then '{"ResultCode": 0, "TransactionID": "S0"}'::jsonb end""",
            "at": "at + k * interval '0.6 s'",
        },
        more=(
            "cross join lateral (select case loan when 'completed' then"
            " array['detected', 'ready', 'sending', 'accepted', 'paid', 'completed']"
            " when 'paid' then array['detected', 'ready', 'sending', 'accepted', 'paid']"
            " when 'detected' then array['detected'] when 'ready' then array['detected', 'ready']"
            " when 'held' then array['detected', 'held'] when 'cancelled' then array['detected', 'cancelled']"
            " else array['detected', 'ready', 'sending', loan] end as steps) s"
            " cross join lateral generate_series(0, array_length(steps, 1) - 1) k"
        ),
        where="lately",
    ),
]

PAYMENTS = [
    Rows(
        model=C2bTransaction,
        values={
            "id": _id(PAYMENT),
            "partner_id": "case when payment <> 'received' then partner_id end",
            "shortcode_id": "paybill_id",
            "channel": "'c2b'",
            "status": "payment",
            "mpesa_receipt": _receipt("T"),
            "amount": "amount",
            "paid_at": "at",
            "bill_ref": "'L' || account",
            "mpesa_type": "'Pay Bill'",
            "customer_phone": "phone",
            "msisdn_raw": "'2547 ***** ' || right(phone, 3)",
            "customer_name": "name",
            "notice": """'{"TransactionType": "Pay Bill", "TransID": "T", "TransAmount": "' || amount || '"}'""",
            "heard_at": "at",
            "transaction_type": "case when n % 4 = 0 then 'savings_deposit' else 'loan_repayment' end",
            "mifos_account_id": f"case when {_MATCHED} then n end",
            "account_no": f"case when {_MATCHED} then account else '' end",
            "mifos_client_id": f"case when {_MATCHED} then client end",
            "client_name": f"case when {_MATCHED} then name else '' end",
            "matched_by": f"case when {_MATCHED} then 'number' else '' end",
            "confidence": f"case when {_MATCHED} then 'certain' else '' end",
            "match_words": "'What was typed was looked for in Mifos.'",
            "matched_at": f"case when {_MATCHED} then {_after(0.2)} end",
            "booked_amount": "case payment when 'posted' then amount else 0 end",
            "posted_at": f"case payment when 'posted' then {_after(1)} end",
            "record_tries": "1",
            "reason": "case payment when 'unmatched' then 'No account fits what was typed.' else '' end",
            "attention": "case when fresh and n % 21 < 3 then 'Say to which account it belongs.' else '' end",
            "attention_at": "case when fresh and n % 21 < 3 then at end",
            "sms_sent": "payment = 'posted'",
            "next_step_at": _SOON,
            "moved_at": _after(1),
        },
    ),
    Rows(
        model=Posting,
        values={
            "id": _id(PAYMENT),
            "transaction_id": _id(PAYMENT),
            "mifos_partner_id": "mifos_id",
            "kind": "case when n % 4 = 0 then 'savings' else 'loan' end",
            "account_id": "n",
            "account_no": "account",
            "client_id": "client",
            "amount": "amount",
            "tries": "1",
            "mifos_transaction_id": "n",
            "balance_after": "5000",
            "booked_on": "at::date",
            "booked_at": _after(1),
            "created_at": _after(0.2),
        },
        where="payment = 'posted'",
    ),
    Rows(
        model=C2bEvent,
        values={
            "id": f"bench_id({PAYMENT_EVENT} + k, at + k * interval '0.3 s', n)",
            "transaction_id": _id(PAYMENT),
            "old": "case k when 0 then '' else steps[k] end",
            "new": "steps[k + 1]",
            "who": "'us'",
            "note": "'It went on to the next step.'",
            "at": "at + k * interval '0.3 s'",
        },
        more=(
            "cross join lateral (select case payment when 'posted' then"
            " array['received', 'matched', 'posting', 'posted'] when 'received' then array['received']"
            " else array['received', payment] end as steps) s"
            " cross join lateral generate_series(0, array_length(steps, 1) - 1) k"
        ),
        where="lately",
    ),
    Rows(
        model=StatementLine,
        values={
            "id": _id(OTHERS),
            "shortcode_id": "paybill_id",
            "mpesa_receipt": _receipt("T"),
            "amount": "amount",
            "paid_at": "at",
            "source": "'pull'",
            "seen_at": _after(60),
        },
        where="lately",
    ),
    Rows(
        model=KnownAccount,
        values={
            "id": _id(OTHERS + 1),
            "mifos_partner_id": "mifos_id",
            "kind": "'loan'",
            "account_id": "n",
            "account_no": "account",
            "number_key": "account",
            "client_id": "client",
            "client_name": "name",
            "phone": "phone",
            "seen_at": "at",
        },
        share=10,
    ),
    Rows(
        model=StkPush,
        values={
            "id": _id(PROMPT),
            "partner_id": "partner_id",
            "shortcode_id": "paybill_id",
            "status": "case when n % 40 = 0 then 'failed' else 'paid' end",
            "phone": "phone",
            "amount": "amount",
            "kind": "'loan'",
            "account_id": "n",
            "account_no": "account",
            "asked_by": "'otieno'",
            "checkout_id": "'ws_CO_' || n",
            "mpesa_receipt": f"case when n % 40 = 0 then '' else {_receipt('T')} end",
            "sent_at": "at",
            "settled_at": _after(20),
            "moved_at": _after(20),
        },
        share=10,
    ),
]

MESSAGES = [
    Rows(
        model=SmsNotification,
        values={
            "id": _id(SMS) if kind == "disbursement_confirmation" else _id(RECEIPT),
            "partner_id": "partner_id",
            "recipient_phone": "phone",
            "message_type": f"'{kind}'",
            "language": "'en'",
            "message_content": "'Dear ' || name || ', KES ' || amount || ' has reached your phone. Ref: ' || account",
            "encoding": "'gsm7'",
            "segments": "1",
            "status": "case when fresh and n % 9 = 0 then 'pending' when n % 89 = 0 then 'failed'"
            " when n % 31 = 0 then 'sent' else 'delivered' end",
            "event_key": f"'{kind}:' || n",
            "gateway_id": "gateway_id",
            "damza_reference": f"'{kind[:4]}-' || n",
            "next_step_at": "case when fresh and n % 9 = 0 then at end",
            "charge": "1",
            "charged_at": _after(90),
            "sent_at": _after(4),
            "delivered_at": _after(9),
            "created_at": _after(3),
            "updated_at": _after(9),
            "moved_at": _after(9),
        },
        where=where,
    )
    for kind, where in (
        ("disbursement_confirmation", _PAID),
        ("payment_receipt", "lately and payment = 'posted'"),
    )
] + [
    Rows(
        model=SmsEvent,
        values={
            "id": f"bench_id({SMS_EVENT} + k, at + k * interval '1 s', n)",
            "notification_id": _id(SMS),
            "old": "(array['pending', 'sending', 'sent'])[k]",
            "new": "(array['sending', 'sent', 'delivered'])[k]",
            "at": "at + k * interval '1 s'",
        },
        more="cross join generate_series(1, 3) k",
        where=f"lately and {_PAID}",
    ),
    Rows(
        model=InboundMessage,
        values={
            "id": _id(MESSAGE),
            "source": "'daraja'",
            "kind": "'b2c_result'",
            "subject_id": _id(ATTEMPT),
            "body": """'{"Result": {"ResultCode": 0, "ResultDesc": "The service request is processed successfully.", '
                '"OriginatorConversationID": "' || n || '", "ResultParameters": {"ResultParameter": []}}}'""",
            "body_digest": "md5(n::text) || md5(n::text)",
            "content_type": "'application/json'",
            "remote_address": "'196.201.214.200'::inet",
            "received_at": _after(2.9),
            "last_received_at": _after(2.9),
            "applied_at": _after(3),
            "outcome": "'paid'",
            "tries": "1",
        },
    ),
    Rows(
        model=AuditLine,
        values={
            "id": _id(AUDIT),
            "at": "at",
            "actor_name": "(array['otieno', 'wanjiru', 'mutua', 'achieng', 'njeri', 'apply', 'platform'])[1 + n % 7]",
            "action": "(array['hold', 'release', 'retry', 'export', 'reveal phone', 'change'])[1 + n % 6]",
            "object_type": "'disbursements'",
            "object_id": _id(LOAN) + "::text",
            "partner_id": "partner_id",
            "reason": "'The client asked for it on the phone.'",
            "remote_address": "'10.0.0.7'::inet",
        },
    ),
    Rows(
        model=PartnerEvent,
        values={
            "id": _id(TOLD),
            "number": "n",
            "partner_id": "partner_id",
            "type": "(array['disbursement.paid', 'disbursement.completed', 'payment.posted'])[1 + n % 3]",
            "subject_table": "'disbursements'",
            "subject_id": _id(LOAN),
            "payload": "jsonb_build_object('id', n, 'amount', amount::text, 'status', loan, 'client_name', name)",
            "at": "at",
            "told_at": _after(1),
        },
    ),
    Rows(
        model=WebhookDelivery,
        values={
            "id": _id(PUSHED),
            "endpoint_id": "endpoint_id",
            "event_id": _id(TOLD),
            "status": "case when n % 60 = 0 then 'failed' else 'delivered' end",
            "tries": "1",
            "give_up_at": _after(86400),
            "last_status": "200",
            "delivered_at": _after(2),
            "created_at": _after(1),
            "moved_at": _after(2),
        },
        share=3,
    ),
    Rows(
        model=WebhookTry,
        values={
            "id": _id(TRY),
            "delivery_id": _id(PUSHED),
            "at": _after(2),
            "status": "200",
            "milliseconds": "80 + n % 50",
        },
        share=3,
        where="lately",
    ),
]

_OPENED = 10**10  # what each float begins with
_FIRST = "n = case when i = 0 then 3 when (20 + i) % 3 = 0 then 40 + i else 20 + i end"  # one number of each partner
MONEY = [
    Rows(
        model=BankCredit,
        values={
            "id": _id(CREDIT),
            "account_id": "bank_account",
            "status": "case when n % 5003 = 0 then 'suspense' else 'booked' end",
            "source": "'paybill'",
            "told_by": "jsonb_build_object('paybill', at::text)",
            "core_reference": "'FT' || lpad(n::text, 10, '0')",
            "receipt": _receipt("U"),
            "amount": "amount",
            "event_at": "at",
            "partner_id": "case when n % 5003 <> 0 then partner_id end",
            "named": "'123456#' || code",
            "payer": "name",
            "booked_at": f"case when n % 5003 <> 0 then {_after(1)} end",
            "moved_at": _after(1),
            "created_at": _after(1),
        },
    ),
    Rows(
        model=BankCreditEvent,
        values={
            "id": _id(OTHERS + 2),
            "credit_id": _id(CREDIT),
            "new": "case when n % 5003 = 0 then 'suspense' else 'booked' end",
            "who": "'bank'",
            "note": "'Told by the paybill notice.'",
            "at": _after(1),
        },
        where="lately",
    ),
    Rows(
        model=TopUp,
        values={
            "id": _id(TOPUP),
            "partner_id": "partner_id",
            "account_id": "bank_account",
            "status": "topup",
            "client_key": "'key-' || n",
            "phone": "phone",
            "amount": "amount",
            "reference": "'123456#' || code",
            "transaction_id": "'NCBA' || n",
            "reason": "'The money came.'",
            "credit_id": f"case topup when 'credited' then {_id(CREDIT)} end",
            "asked_at": "at",
            "expires_at": _after(3600),
            "sends": "1",
            "moved_at": _after(1),
            "next_step_at": "case topup when 'prompted' then (select moment from bench_now) + interval '10 min' end",
        },
    ),
    Rows(
        model=TopUpEvent,
        values={
            "id": _id(OTHERS + 3),
            "topup_id": _id(TOPUP),
            "new": "topup",
            "note": "'As the bank says.'",
            "at": _after(1),
        },
        where="lately",
    ),
    Rows(
        model=BankDebit,
        values={
            "id": _id(OTHERS + 4),
            "account_id": "bank_account",
            "source": "'statement'",
            "core_reference": "'FD' || lpad(n::text, 10, '0')",
            "amount": "500000",
            "event_at": "at",
            "narrative": "'B2C float ' || code",
            "created_at": _after(1),
        },
        share=50,
    ),
    Rows(
        model=FloatPurchase,
        values={
            "id": _id(OTHERS + 5),
            "reference": "'FP' || lpad(n::text, 10, '0')",
            "partner_id": "partner_id",
            "shortcode_id": "shortcode_id",
            "amount": "500000",
            "charge": "50",
            "status": "case when n % 500 = 0 then 'failed' else 'bought' end",
            "route": "'float_purchase'",
            "asked_at": "at",
            "confirm": "'none'",
            "sends": "1",
            "receipt": "case when n % 500 = 0 then '' else 'FD' || lpad(n::text, 10, '0') end",
            "settled_at": _after(30),
            "moved_at": _after(30),
        },
        share=50,
    ),
    Rows(
        model=Hold,
        values={
            "id": _id(HOLD),
            "reference": _id(ATTEMPT),
            "purpose": "'payout'",
            "partner_id": "partner_id",
            "shortcode_id": "shortcode_id",
            "principal": "amount",
            "charge": "25",
            "mpesa_cost": f"case when {_PAID} then 9 end",
            "status": f"case when {_PAID} then 'captured' when loan = 'failed' then 'released' else 'held' end",
            "held_at": _after(0.3),
            "settled_at": f"case when {_PAID} or loan = 'failed' then {_after(3)} end",
            "event_at": f"case when {_PAID} then {_after(2.5)} end",
            "receipt": f"case when {_PAID} then {_receipt('S')} else '' end",
        },
        where=_ASKED,
    ),
    Rows(
        model=Transfer,
        values={
            "id": f"bench_id({TRANSFER} + k, at + k * interval '0.5 s', n)",
            "type": "(array['hold', 'float_hold', 'charge', 'disbursement'])[k]",
            "reference": _id(ATTEMPT) + "::text",
            "from_account_id": "(array[wallet_account, float_account, held_account, float_held])[k]",
            "to_account_id": "(array[held_account, float_held, fees, customers])[k]",
            "amount": "case when k in (2, 4) then amount else 25 end",
            "event_at": "at + k * interval '0.5 s'",
            "created_at": "at + k * interval '0.5 s'",
            "description": f"case when k > 2 then {_receipt('S')} else 'Held for a payout' end",
            "hold_id": _id(HOLD),
        },
        more="cross join generate_series(1, 4) k",
        where=f"{_ASKED} and (k = 1 or lately and (k = 2 or {_PAID}))",
    ),
    Rows(
        model=Transfer,
        values={
            "id": _id(TRANSFER),
            "type": "'topup'",
            "reference": "'FT' || lpad(n::text, 10, '0')",
            "from_account_id": "bank",
            "to_account_id": "wallet_account",
            "amount": "amount",
            "event_at": "at",
            "created_at": _after(1),
            "description": _receipt("U"),
        },
        where="n % 5003 <> 0",
    ),
    Rows(
        model=Transfer,
        values={
            "id": _id(TRANSFER + 9),
            "type": "'opening'",
            "reference": "'opening-' || code",
            "from_account_id": "bank",
            "to_account_id": "float_account",
            "amount": f"{_OPENED}",
            "event_at": "at",
            "created_at": "at",
        },
        where=_FIRST,
    ),
    Rows(
        model=LedgerLine,
        values={
            "id": _id(FLOAT_LINE + 1),
            "number": "-n",
            "account_id": "float_account",
            "transfer_id": _id(TRANSFER + 9),
            "amount": f"{_OPENED}",
            "balance_after": f"{_OPENED}",
            "event_at": "at",
            "created_at": "at",
        },
        where=_FIRST,
    ),
    Rows(
        model=WalletTransaction,
        values={
            "id": f"bench_id({WALLET_LINE} + k, at, n)",
            "number": "n * 2 + k",
            "wallet_id": "wallet_id",
            "transfer_id": f"bench_id({TRANSFER} + k, at + k * interval '0.5 s', n)",
            "transaction_type": "(array['topup', 'hold'])[1 + k]",
            "amount": "case k when 0 then amount else -25 end",
            "balance_after": "sum(case k when 0 then amount else -25 end)"
            " over (partition by i order by n, k rows unbounded preceding)",
            "reference": f"case k when 0 then 'FT' || lpad(n::text, 10, '0') else {_id(ATTEMPT)}::text end",
            "description": "case k when 0 then 'Top-up' else 'Charge held' end",
            "event_at": "at",
            "created_at": _after(1),
        },
        more="cross join generate_series(0, 1) k",
        where=f"case k when 0 then n % 5003 <> 0 else {_ASKED} end",
    ),
    Rows(
        model=LedgerLine,
        values={
            "id": _id(FLOAT_LINE),
            "number": "n",
            "account_id": "float_account",
            "transfer_id": f"bench_id({TRANSFER + 2}, at + interval '1 s', n)",
            "amount": "-amount",
            "balance_after": f"{_OPENED} - sum(amount) over (partition by i order by n rows unbounded preceding)",
            "event_at": "at",
            "created_at": _after(1),
        },
        where=f"lately and {_ASKED}",
    ),
    Rows(
        model=ObservedBalance,
        values={
            "id": _id(OTHERS + 6),
            "shortcode_id": "shortcode_id",
            "minute": "date_trunc('minute', at) + (n / 10 % 2) * interval '1 s'",
            "utility": f"{_OPENED}",
            "observed_at": "at",
        },
        share=10,
    ),
]

EVERYTHING = [*LOANS, *PAYMENTS, *MESSAGES, *MONEY]
