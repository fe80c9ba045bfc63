"""What people of the demo world say: short dialogues by theme, in Chinese and English.

A dialogue is a tuple of lines said by two or more people in turn. `{n}` becomes a number, `{who}` a name.
"""

Dialogue = tuple[str, ...]

SHOP_ZH: tuple[Dialogue, ...] = (
    (
        "你好，订单 {n} 什么时候发货？",
        "您好，稍等，我帮您查一下",
        "今天下午 4 点前会发出，发货后短信通知您",
        "好的谢谢",
    ),
    (
        "我想申请退款，尺码不合适",
        "可以的亲，七天无理由退款，吊牌别拆就行",
        "退款多久到账？",
        "我们收到货后 24 小时内处理，1-3 个工作日到账",
    ),
    (
        "优惠券怎么用不了？",
        "请问提示什么？",
        "说不满足使用条件",
        "这张是满 {n} 减 50 的，您差一点点，可以再凑一件",
        "懂了",
    ),
    (
        "快递显示已签收，可是我没收到",
        "别着急，我联系快递核实一下，您方便留个电话吗",
        "尾号 {n}",
        "查到了，放在丰巢柜 3 号，取件码已重新发您",
    ),
    (
        "耳机右边没声音了，买了不到一个月",
        "非常抱歉，这种情况可以换新，请拍个视频",
        "视频发过去了",
        "已登记换货，运费我们承担",
    ),
    ("请问这款还有黑色吗", "黑色明天到货，可以先帮您预留", "麻烦留两件", "好的，已备注"),
    ("发票开错抬头了", "把正确的公司名称和税号发我，今天重开电子发票"),
    (
        "退款怎么还没到？已经五天了",
        "我查一下……银行那边在处理，单号 {n}",
        "能快点吗，有点急",
        "已经加急了，最晚明天中午",
    ),
    ("你们这个蓝牙音箱防水吗", "IPX7，泡水半小时没问题的", "行，那我下单了"),
    ("少发了一袋猫粮，订单 {n}", "实在抱歉，仓库漏装了，今天补发，再送您一包零食", "可以可以"),
)
SHOP_EN: tuple[Dialogue, ...] = (
    ("Hi, where is my order #{n}?", "Let me check… it left the warehouse this morning.", "Great, thanks!"),
    (
        "I'd like a refund, the jacket is too small.",
        "No problem. Keep the tag on and print the label I just sent.",
        "How long does the refund take?",
        "Two to three working days after we get it back.",
    ),
    ("My coupon SAVE{n} doesn't work.", "It needs a basket over $40, you're at $38.50.", "Ah, got it."),
    (
        "The courier says delivered but nothing arrived.",
        "Sorry about that! I've opened a trace with the carrier.",
        "Any news?",
        "They left it with a neighbour, flat 12.",
    ),
    (
        "Is the warranty still valid on #{n}?",
        "Yes, until next March. What happened?",
        "Screen flickers when it's cold.",
        "We'll replace it. Please back up your data first.",
    ),
    ("Do you ship to Canada?", "We do, 5-8 days, duties included."),
    ("You charged me twice!", "One of them is a hold, it disappears in 48 h. Reference {n}.", "OK, fingers crossed."),
    ("Can I change the delivery address?", "Only before it ships, please send me the new one now."),
)
OFFICE_ZH: tuple[Dialogue, ...] = (
    ("下午三点的会改到四点，会议室 {n}", "收到", "我在外面，可以线上参加吗", "可以，链接稍后发群里"),
    ("周报大家今天下班前提交一下", "好的", "我的已经放共享盘了", "+1"),
    ("测试环境又挂了？", "刚重启，数据库连接数打满了", "先把 {n} 那个定时任务停掉吧", "已停，恢复了"),
    ("这版设计稿谁确认过？", "产品看过了，还差法务", "那我先不合并", "嗯，等法务明天回复"),
    ("{who}，合同附件二的金额和正文不一致", "我看看……是我改漏了，马上发修订版"),
    ("今晚发布 v2.{n}，十点开始，大家留意告警", "值班的是我和{who}", "灰度 10% 一切正常", "全量完成，收工"),
    ("中午吃什么", "楼下新开的面馆？", "走", "等我五分钟"),
    ("报销系统打不开", "换成内网地址试试", "可以了，谢谢"),
    ("客户反馈导出的报表少了一列", "哪个版本？", "昨天的包", "定位到了，筛选条件把空值过滤了，今天出补丁"),
    ("空调能调高一点吗，冷", "同冷", "已调到 26 度"),
)
OFFICE_EN: tuple[Dialogue, ...] = (
    ("Standup in 5, room {n}", "Dialling in, I'm at home today", "Same"),
    ("Can someone review PR {n}? It's small", "On it", "Left two comments, otherwise LGTM", "Fixed, merging"),
    ("Staging is down again", "Disk full, cleaning up old images", "Back up. I'll add an alert at 80 %"),
    ("Who owns the retention policy doc?", "{who} wrote it, legal has the last word", "Legal signed off this morning"),
    ("Reminder: expenses are due Friday", "Does the taxi from the airport need a receipt?", "Anything above 20, yes"),
    ("Customer demo moved to Thursday 10:00", "Works for me", "I'll prepare the data set tonight"),
    ("Build {n} is red", "Flaky test, rerunning", "It's not flaky, it's the timezone change from Sunday", "Good catch"),
    ("Lunch?", "Ramen place, 12:15", "Count me in"),
    ("The Berlin office can't reach the VPN", "Certificate expired at midnight. Renewed, try again", "Works, thanks!"),
    ("Any objection to freezing the release branch?", "One more translation fix from me, 10 minutes", "Go"),
)
GAMING_ZH: tuple[Dialogue, ...] = (
    ("今晚八点团本，缺一个奶", "我来奶", "装等 {n} 够吗", "够了，记得带药"),
    ("上一把谁挂机了", "网卡了，抱歉", "下次提前说"),
    ("出金了！！！", "欧皇", "蹭蹭", "我一百抽都没有……"),
    ("公会战报名的扣 1", "1", "1", "1，但是十点前要下", "收到，给你排前面"),
    ("这个 BOSS 二阶段怎么躲", "看地上的红圈，往{n}点钟方向跑", "懂了，再来一把"),
    ("版本更新要 {n} G，下哭了", "挂着睡觉吧"),
    ("有没有人双排，钻石局", "我，ID 私你了", "上车"),
    ("新皮肤值得买吗", "特效一般，等打折", "我已经买了……"),
)
GAMING_EN: tuple[Dialogue, ...] = (
    ("Raid at 8, need one healer", "I can heal", "ilvl {n}+?", "yep, flasked and ready"),
    ("gg everyone", "gg wp", "that last team fight was insane"),
    ("Who's selling ore? Paying {n} each", "got two stacks", "mail me", "sent"),
    ("Server maintenance at 6 again?", "Two hours they say", "So four then"),
    ("New patch nerfed my build :(", "F", "Try the crit variant, {who} posted it in the forum"),
    ("anyone up for ranked?", "one more game then bed", "famous last words"),
    ("Please keep voice chat for calls during the boss", "sorry that was my cat", "cat is the best shotcaller we have"),
    ("Guild bank is missing {n} gold", "I took it for repairs, logged in the sheet", "ok all good"),
)
FAMILY_ZH: tuple[Dialogue, ...] = (
    ("周末回来吃饭吗？", "回！想吃红烧肉", "好，我去买肉", "我带水果"),
    ("爸，血压药记得吃", "吃了吃了", "拍个照我看看"),
    ("外婆生日是下周{n}号，蛋糕谁订？", "我订，要低糖的", "那我买花"),
    ("到家了吗", "刚到，高铁晚点二十分钟", "早点休息"),
    ("今天降温，多穿点", "知道啦", "秋裤穿上"),
    ("照片发群里了，孩子表演得真好", "太可爱了！", "像小时候的你"),
    ("快递帮我拿一下，取件码 {n}", "拿到了，放玄关"),
)
FAMILY_EN: tuple[Dialogue, ...] = (
    ("Dinner at ours on Sunday?", "Yes please! What can we bring?", "Just dessert", "Apple pie it is"),
    ("Landed safely", "Welcome back! Text when you're in the taxi", "Will do"),
    ("Did anyone feed the cat?", "Twice, apparently. He lied to both of us"),
    ("Grandma's number changed, ends in {n} now", "Saved, thanks"),
    ("Photos from the school play are in the album", "She was wonderful!", "Crying in the office, thanks"),
)
LOGISTICS_ZH: tuple[Dialogue, ...] = (
    ("车牌沪A{n}已到 3 号门，等卸货", "3 号门有车，去 5 号", "收到"),
    ("冷链车 {n} 温度报警，-12 度", "司机检查一下后门", "门没关严，已处理，温度回来了"),
    ("今天嘉兴仓爆仓，晚到半天", "通知客户了吗", "正在群发短信"),
    ("运单 {n} 少一件", "监控看过了，装错车了，明早随班车回来"),
    ("高速封路，改走国道，预计晚 3 小时", "注意安全，我改预约"),
    ("双十一临时工还缺 {n} 个", "劳务那边今晚能到一半"),
)
LOGISTICS_EN: tuple[Dialogue, ...] = (
    ("Truck {n} is at gate 3", "Gate 3 is busy, take 5", "Copy"),
    ("Container {n} held at customs, missing packing list", "Sent it again just now", "Released, thanks"),
    ("Driver reports a flat tyre near exit 14", "Replacement truck leaves in 20 minutes", "ETA plus two hours"),
    ("Pallet {n} arrived damaged", "Photos please, before anybody signs", "In the folder"),
    ("Cut-off for the night flight is 21:30", "We'll make it, last pick is done"),
)
TECH_EN: tuple[Dialogue, ...] = (
    (
        "Messages on Android arrive twice since the update",
        "Which SDK version?",
        "3.{n}",
        "Known bug, fixed in the next one",
    ),
    ("Docs say the limit is 20 members, I see {n}", "Docs are old, will fix"),
    ("How do I page backwards through a channel?", "Ask for the lowest seq you have minus one", "Perfect, thanks"),
    ("Certificate pinning broke our staging app", "Rotate the backup pin first, then the leaf"),
)

THEMES: dict[str, dict[str, tuple[Dialogue, ...]]] = {
    "shop": {"zh": SHOP_ZH, "en": SHOP_EN},
    "office": {"zh": OFFICE_ZH, "en": OFFICE_EN},
    "gaming": {"zh": GAMING_ZH, "en": GAMING_EN},
    "family": {"zh": FAMILY_ZH, "en": FAMILY_EN},
    "logistics": {"zh": LOGISTICS_ZH, "en": LOGISTICS_EN},
    "tech": {"zh": OFFICE_ZH, "en": TECH_EN},
}

REPLIES = {
    "zh": (
        "好的",
        "收到",
        "哈哈哈",
        "嗯嗯",
        "谢谢！",
        "没问题",
        "稍等",
        "👍",
        "在吗",
        "可以",
        "辛苦了",
        "明天再说吧",
        "？？？",
        "晚安",
    ),
    "en": (
        "ok",
        "thanks!",
        "haha",
        "on my way",
        "👍",
        "sounds good",
        "one sec",
        "anyone here?",
        "lol",
        "will do",
        "good night",
        "brb",
        "nice",
        "no idea tbh",
    ),
}

# What moderators look for. Links use reserved names, nothing here leads anywhere.
SPAM = (
    "兼职日结 {n} 元，动动手指就能赚，加微信 vx_{n}66 领取",
    "【限时】扫码领 {n} 元红包，先到先得 http://hb.example.invalid/{n}",
    "代开发票，各行各业均可，电话 1380000{n}",
    "高仿手表一比一，支持货到付款，Ｖ信：watch{n}",
    "Earn ${n}/day from home!!! DM me or visit http://easy-money.example.invalid/?r={n}",
    "FREE coins generator -> http://coins.example.invalid/{n} (100% working)",
    "Hot crypto signal group, {n}% profit last week, join now t.example.invalid/s{n}",
)
ABUSE = (
    "你是不是傻",
    "滚出群",
    "骗子店，退钱！",
    "this support is useless, you are all idiots",
    "scam!! give me my refund back",
)
SYSTEM_TIPS = {
    1001: '{{"content":"{{0}}加入群聊","extra":[{{"uid":"{uid}","name":"{who}"}}],"type":1001}}',
    1002: '{{"content":"{{0}}邀请{{1}}加入群聊","extra":[{{"uid":"{uid}","name":"{who}"}}],"type":1002}}',
    1006: '{{"content":"消息已撤回","type":1006,"message_id":"{n}"}}',
    1020: '{{"content":"{{0}} changed the group notice","extra":[{{"uid":"{uid}","name":"{who}"}}],"type":1020}}',
}
FILES = (
    "报价单-2026.xlsx",
    "合同-修订版.docx",
    "invoice_{n}.pdf",
    "release-notes.md",
    "装箱单{n}.pdf",
    "crash-{n}.log",
    "photo_{n}.zip",
    "会议纪要.docx",
)
PLACES = (
    ("上海虹桥站", 31.1944, 121.3187),
    ("深圳市南山区科技园", 22.5401, 113.9342),
    ("Berlin Hauptbahnhof", 52.525, 13.3694),
    ("杭州东站", 30.2908, 120.2129),
    ("Pier 39, San Francisco", 37.8087, -122.4098),
)

SURNAMES = (
    "wang",
    "li",
    "zhang",
    "liu",
    "chen",
    "yang",
    "huang",
    "zhao",
    "wu",
    "zhou",
    "xu",
    "sun",
    "ma",
    "zhu",
    "hu",
    "guo",
    "he",
    "lin",
    "gao",
    "luo",
    "zheng",
    "liang",
    "xie",
    "song",
    "tang",
)
GIVEN = (
    "wei",
    "fang",
    "na",
    "min",
    "jing",
    "lei",
    "qiang",
    "yan",
    "jie",
    "tao",
    "chao",
    "ling",
    "ping",
    "gang",
    "xin",
    "hao",
    "yu",
    "peng",
    "mei",
    "kai",
    "rui",
    "ning",
    "bo",
    "shan",
    "yue",
)
ENGLISH = (
    "alice",
    "ben",
    "carla",
    "dmitri",
    "emma",
    "frank",
    "grace",
    "hannah",
    "ivan",
    "julia",
    "kenji",
    "laura",
    "marco",
    "nina",
    "oscar",
    "priya",
    "quentin",
    "rosa",
    "sam",
    "tess",
    "umar",
    "vera",
    "walter",
    "ximena",
    "yusuf",
    "zoe",
)
CHINESE_UIDS = ("王小明", "李娜", "客服小美", "客服阿杰", "物流老张", "陈会计", "店长小周", "技术支持-03")
